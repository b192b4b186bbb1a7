// The real world on the other side of a socket: how long an answer of it is waited for.
"use strict";

const net = require("node:net");
const { foreign, forMock } = require("./redirection.cjs");

// Real seconds that a service gets to answer what was sent to it, here and on another machine.
const ASKED = 1;
const ASKED_FAR = 30;
// The same once something came from it: it may have more to say.
const HEARD = 0.05;
const HEARD_FAR = 1;

// The sockets of this process that lead to neither the mock nor the process itself.
class Outside {
  constructor(seconds, link) {
    this.seconds = seconds;
    this.link = link;
    this.lines = new Map();
  }

  watch() {
    const outside = this;
    const original = net.Socket.prototype.connect;
    net.Socket.prototype.connect = function connect(...args) {
      const result = original.apply(this, args);
      if (!this[forMock]) outside.add(this);
      return result;
    };
  }

  add(socket) {
    this.lines.set(socket, { asked: true, at: this.seconds(), read: 0, written: 0 });
    socket.once("close", () => this.lines.delete(socket));
  }

  // Whether something may still come in real time.
  awaited() {
    if (this.lines.size === 0) return false;
    const own = this.ownPorts();
    let awaited = false;
    for (const [socket, line] of this.lines) {
      if (socket === this.link.socket || own.has(socket.remotePort)) continue;
      this.note(socket, line);
      const far = Boolean(socket[foreign]);
      const patience = line.asked ? (far ? ASKED_FAR : ASKED) : (far ? HEARD_FAR : HEARD);
      if (this.seconds() - line.at < patience) awaited = true;
    }
    return awaited;
  }

  // What has happened on a socket since the last look.
  note(socket, line) {
    const { bytesRead: read, bytesWritten: written } = socket;
    if (read !== line.read) line.asked = false;
    else if (written !== line.written) line.asked = true;
    else return;
    Object.assign(line, { read, written, at: this.seconds() });
  }

  // What this process serves itself lives in virtual time.
  ownPorts() {
    const servers = process._getActiveHandles().filter((handle) => handle instanceof net.Server);
    return new Set(servers.map((server) => server.address()?.port).filter(Boolean));
  }
}

module.exports = { Outside };
