// Children that a program forks, to talk to them: those of a pool, say. They are a part of it.
"use strict";

const childProcess = require("node:child_process");
const { configuration } = require("./threads.cjs");

// One that is given an environment of its own would load nothing of the run: time would jump over what it does.
function keepForks(preload, config) {
  const { spawn } = childProcess.ChildProcess.prototype;
  childProcess.ChildProcess.prototype.spawn = function (options) {
    const { file, stdio, envPairs: pairs } = options ?? {};
    const forked = file === process.execPath && Array.isArray(stdio) && stdio.includes("ipc") && Array.isArray(pairs);
    const run = configuration();
    const has = (name) => pairs.some((pair) => pair.startsWith(`${name}=`));
    if (forked && run && !has("KLING_MOCK_RUN")) {
      const [name, ...rest] = options.args;
      options.args = [name, "--require", preload, ...rest];
      options.envPairs = [...pairs, `KLING_MOCK_RUN=${run}`];
      const authorities = process.env.NODE_EXTRA_CA_CERTS || config.bundle;
      if (!has("NODE_EXTRA_CA_CERTS")) options.envPairs.push(`NODE_EXTRA_CA_CERTS=${authorities}`);
    }
    return spawn.call(this, options);
  };
}

module.exports = { keepForks };
