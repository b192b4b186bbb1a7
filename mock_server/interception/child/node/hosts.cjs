// Which hosts are the mock's, which are this machine, and which must not be reached.
"use strict";

const fs = require("node:fs");
const os = require("node:os");

const { isThisMachine, ownName, plainName } = require("./hostnames.cjs");

const FIRST = "127.83.1.";

class Hosts {
  constructor(config, parent) {
    this.file = config.hosts;
    this.parent = parent;
    this.known = { hosts: [], offline: false };
    this.standIns = new Map();
  }

  // Read for every connection: the parent adds hosts that the mock's answers name.
  read() {
    try {
      this.known = JSON.parse(fs.readFileSync(this.file, "utf8"));
    } catch {
      // The run is over: what was known last still holds.
    }
    return this.known;
  }

  // "mock", "pass" or "refuse".
  decide(name) {
    const host = plainName(name);
    if (this.isStandIn(host)) return "mock";
    if (this.isLocal(host)) return "pass";
    const { hosts, offline } = this.read();
    if (hosts.includes(host)) return "mock";
    return offline && !this.isOwnAddress(host) ? "refuse" : "pass";
  }

  isStandIn(host) {
    for (const address of this.standIns.values()) if (address === host) return true;
    return false;
  }

  // The address that stands for a host of the mock: nobody listens there.
  standIn(name) {
    const host = plainName(name);
    if (!this.standIns.has(host)) this.standIns.set(host, FIRST + (this.standIns.size + 1));
    return this.standIns.get(host);
  }

  isLocal(host) {
    return isThisMachine(host) || host === ownName();
  }

  isOwnAddress(host) {
    return Object.values(os.networkInterfaces()).flat().some(({ address }) => address === host);
  }

  // Note an attempt, and make the error for it.
  refuse(name, port, code, syscall) {
    const host = plainName(name);
    const number = Number(port) || 0;
    this.parent.tell({ ask: "refused", host, port: number });
    const place = number ? `${host}:${number}` : host;
    const error = new Error(`kling-mock is offline: ${place} was not contacted`);
    return Object.assign(error, { code, syscall });
  }
}

module.exports = { Hosts };
