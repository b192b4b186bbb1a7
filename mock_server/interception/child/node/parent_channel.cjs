// The connection with the parent (PROTOCOL.md): lines of JSON, answered in order. It never keeps a process alive.
"use strict";

const net = require("node:net");
const { isMainThread, threadId } = require("node:worker_threads");

class ParentChannel {
  constructor(config) {
    this.config = config;
    this.socket = null;
    this.waiting = [];
    this.rest = "";
    this.lost = false;
  }

  // Ask the parent something; `done` gets the answer, or null where the parent is gone.
  ask(message, done) {
    if (this.lost) {
      done(null);
      return;
    }
    this.waiting.push(done);
    this.tell(message);
  }

  tell(message) {
    if (this.socket === null) this.connect();
    this.socket.write(JSON.stringify(message) + "\n");
  }

  connect() {
    const socket = net.connect({ host: "127.0.0.1", port: this.config.hooked });
    this.socket = socket;
    socket.unref();
    socket.setNoDelay(true);
    socket.setEncoding("utf8");
    socket.on("data", (text) => this.receive(text));
    const lose = () => {
      this.lost = true;
      for (const done of this.waiting.splice(0)) done(null);
    };
    socket.on("error", lose);
    socket.on("close", lose);
    const thread = isMainThread ? {} : { thread: threadId };
    socket.write(JSON.stringify({ token: this.config.token, pid: process.pid, speaks: true, ...thread }) + "\n");
  }

  receive(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    for (const line of lines) this.waiting.shift()(JSON.parse(line));
  }
}

module.exports = { ParentChannel };
