// Which names and addresses are this machine: `hostnames.py` in JavaScript. Nothing is looked up.
"use strict";

const net = require("node:net");
const os = require("node:os");

// It finds addresses of IPv4 that are written as IPv6, too.
const loopback = new net.BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function plainName(host) {
  return String(host).replace(/^[[\]]+|[[\]]+$/g, "").replace(/\.+$/, "").toLowerCase();
}

// Whether a name or an address always means this machine, and nobody else can reach it.
function isLoopback(host) {
  const name = plainName(host).split("%")[0];
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const version = net.isIP(name);
  return version !== 0 && loopback.check(name, version === 4 ? "ipv4" : "ipv6");
}

// Whether a connect to a name or an address stays on this machine.
function isThisMachine(host) {
  return isLoopback(host) || ["0.0.0.0", "::"].includes(plainName(host));
}

function ownName() {
  return plainName(os.hostname());
}

module.exports = { isLoopback, isThisMachine, ownName, plainName };
