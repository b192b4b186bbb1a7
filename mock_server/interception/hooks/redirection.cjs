// Leads connections for the mock's hosts to the parent's gateway, and refuses others when the run is offline.
"use strict";

const fs = require("node:fs");
const net = require("node:net");

function isLoopback(host) {
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || host === "0.0.0.0" ||
    host === "::" || /^(::ffff:)?127\./.test(host);
}

function redirect(config, link) {
  const original = net.Socket.prototype.connect;
  let known = { hosts: [], offline: false };

  // Read for every connection: the parent adds hosts that the mock's answers name.
  function decide(host) {
    if (isLoopback(host)) return "pass";
    try {
      known = JSON.parse(fs.readFileSync(config.hosts, "utf8"));
    } catch {
      // The run is over: what was known last still holds.
    }
    if (known.hosts.includes(host)) return "mock";
    return known.offline ? "refuse" : "pass";
  }

  function refuse(socket, host, port) {
    link.tell({ ask: "refused", host, port: Number(port) || 0 });
    const error = new Error(`kling-mock is offline: ${host}:${port} was not contacted`);
    Object.assign(error, { code: "ECONNREFUSED", syscall: "connect", address: host, port });
    socket.connecting = true;
    process.nextTick(() => socket.destroy(error));
    return socket;
  }

  net.Socket.prototype.connect = function connect(...args) {
    const normalized = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args);
    const options = normalized[0];
    if (options.path) return original.call(this, normalized);
    const host = String(options.host || "localhost").replace(/\.$/, "").toLowerCase();
    const proxied = isLoopback(host) && Number(options.port) === config.proxy;
    const decision = proxied ? "mock" : decide(host);
    if (decision === "refuse") return refuse(this, host, options.port);
    if (decision === "mock") {
      // A copy: the name that TLS asks for and checks stays the one in the program's own options.
      const gateway = { host: "127.0.0.1", port: config.hooked, family: 4, lookup: undefined };
      normalized[0] = { ...options, ...gateway };
      this[module.exports.forMock] = true;
    } else if (!isLoopback(host)) {
      this[module.exports.foreign] = true;
      module.exports.foreignSockets.add(this);
      this.once("close", () => module.exports.foreignSockets.delete(this));
    }
    return original.call(this, normalized);
  };
}

module.exports = {
  redirect,
  forMock: Symbol("kling-mock"),
  foreign: Symbol("kling-mock: another host"),
  foreignSockets: new Set(),
};
