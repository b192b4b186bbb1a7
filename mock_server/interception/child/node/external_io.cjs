// Sockets that lead to the real world: how long an answer through one is waited for.
"use strict";

const net = require("node:net");
const { foreign, forMock } = require("./redirection.cjs");

// The sockets of this process that lead to neither the mock nor the process itself.
class ExternalIO {
  // `timing` are the seconds that a service gets to answer, and to say more, here and on another machine.
  constructor(seconds, parent, timing) {
    this.seconds = seconds;
    this.parent = parent;
    this.timing = timing;
    this.lines = new Map();
  }

  watch() {
    const own = this;
    const original = net.Socket.prototype.connect;
    net.Socket.prototype.connect = function connect(...args) {
      const result = original.apply(this, args);
      if (!this[forMock]) own.add(this);
      return result;
    };
  }

  add(socket) {
    this.lines.set(socket, { asked: true, waited: 0, looked: this.seconds(), read: 0, written: 0 });
    socket.once("close", () => this.lines.delete(socket));
  }

  // Whether something may still come in real time.
  awaited() {
    if (this.lines.size === 0) return false;
    const own = this.ownPorts();
    let awaited = false;
    for (const [socket, line] of this.lines) {
      if (socket === this.parent.socket || own.has(socket.remotePort)) continue;
      this.note(socket, line);
      const place = socket[foreign] ? "far" : "here";
      const patience = this.timing[line.asked ? `answer_${place}` : `more_${place}`];
      if (this.look(line) < patience) awaited = true;
    }
    return awaited;
  }

  // What has happened on a socket since the last look.
  note(socket, line) {
    const { bytesRead: read, bytesWritten: written } = socket;
    if (read !== line.read) line.asked = false;
    else if (written !== line.written) line.asked = true;
    else return;
    Object.assign(line, { read, written, waited: 0, looked: this.seconds() });
  }

  // The seconds that were waited for what happens next, as far as this process looked in time.
  look(line) {
    const now = this.seconds();
    line.waited += Math.min(now - line.looked, this.timing.late_look);
    line.looked = now;
    return line.waited;
  }

  // What this process serves itself lives in virtual time.
  ownPorts() {
    const servers = process._getActiveHandles().filter((handle) => handle instanceof net.Server);
    return new Set(servers.map((server) => server.address()?.port).filter(Boolean));
  }
}

module.exports = { ExternalIO };
