// Why time may not jump: the words of virtual_time/reasons.py, which says what they mean.
"use strict";

module.exports = Object.freeze({
  SERVER: "server",
  STARTING: "starting",
  WORK: "work",
  PROCESS: "process",
  WOKEN: "woken",
  ASKING: "asking",
  OUTSIDE: "outside",
  CHILD: "child",
  LOOKING: "looking",
  GONE: "gone",
});
