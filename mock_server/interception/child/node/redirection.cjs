// Leads connections for the mock's hosts to the parent's gateway, and refuses others when the run is offline.
"use strict";

const net = require("node:net");
const { isLoopback, plainName } = require("./hostnames.cjs");

function redirect(config, hosts) {
  const original = net.Socket.prototype.connect;

  function refuse(socket, host, port) {
    const error = hosts.refuse(host, port, "ECONNREFUSED", "connect");
    Object.assign(error, { address: host, port });
    socket.connecting = true;
    process.nextTick(() => socket.destroy(error));
    return socket;
  }

  net.Socket.prototype.connect = function connect(...args) {
    const normalized = Array.isArray(args[0]) ? args[0] : net._normalizeArgs(args);
    const options = normalized[0];
    if (options.path) return original.call(this, normalized);
    const host = plainName(options.host || "localhost");
    const proxied = isLoopback(host) && Number(options.port) === config.proxy;
    const decision = proxied ? "mock" : hosts.decide(host);
    if (decision === "refuse") return refuse(this, host, options.port);
    if (decision === "mock") {
      // A copy: the name that TLS asks for and checks stays the one in the program's own options.
      const gateway = { host: "127.0.0.1", port: config.hooked, family: 4, lookup: undefined };
      normalized[0] = { ...options, ...gateway };
      this[module.exports.forMock] = true;
    } else if (!hosts.isLocal(host)) {
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
