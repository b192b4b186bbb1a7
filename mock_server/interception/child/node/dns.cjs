// Look-ups of names and datagrams: the mock's hosts have addresses that nobody else has, and when the run is
// offline nothing is asked of a server of names and nothing is sent to another host.
"use strict";

const dgram = require("node:dgram");
const dns = require("node:dns");
const net = require("node:net");
const util = require("node:util");

const QUESTIONS = [
  "resolve", "resolve4", "resolve6", "resolveAny", "resolveCaa", "resolveCname", "resolveMx", "resolveNaptr",
  "resolveNs", "resolvePtr", "resolveSoa", "resolveSrv", "resolveTlsa", "resolveTxt", "reverse", "lookupService",
];

function guardNames(hosts) {
  // What is known without asking: an error, an answer, or null where the question may be asked.
  function known(name, host, type) {
    if (typeof host !== "string" || host === "" || (name === "lookup" && net.isIP(host))) return null;
    const decision = hosts.decide(host);
    const syscall = name === "lookup" ? "getaddrinfo" : name;
    if (decision === "refuse") {
      return { error: Object.assign(hosts.refuse(host, 0, "ENOTFOUND", syscall), { hostname: host }) };
    }
    if (decision !== "mock") return null;
    if (name === "lookup") return { value: { address: hosts.standIn(host), family: 4 } };
    if (name === "resolve4" || (name === "resolve" && (typeof type !== "string" || type === "A"))) {
      return { value: [hosts.standIn(host)] };
    }
    const error = new Error(`${name} ENODATA ${host}`);
    return { error: Object.assign(error, { code: "ENODATA", syscall: name, hostname: host }) };
  }

  function withCallback(owner, name) {
    const original = owner[name];
    if (typeof original !== "function") return;
    owner[name] = function (host, ...rest) {
      const done = rest.at(-1);
      const found = typeof done === "function" ? known(name, host, rest[0]) : null;
      if (found === null) return original.call(this, host, ...rest);
      process.nextTick(() => {
        if (found.error) done(found.error);
        else if (name !== "lookup") done(null, found.value);
        else if (rest[0]?.all) done(null, [found.value]);
        else done(null, found.value.address, found.value.family);
      });
      return {};
    };
  }

  function withPromise(owner, name) {
    const original = owner[name];
    if (typeof original !== "function") return;
    owner[name] = function (host, ...rest) {
      const found = known(name, host, rest[0]);
      if (found === null) return original.call(this, host, ...rest);
      if (found.error) return Promise.reject(found.error);
      return Promise.resolve(name === "lookup" && rest[0]?.all ? [found.value] : found.value);
    };
  }

  for (const name of QUESTIONS) {
    withCallback(dns, name);
    withCallback(dns.Resolver.prototype, name);
    withPromise(dns.promises, name);
    withPromise(dns.promises.Resolver.prototype, name);
  }
  withCallback(dns, "lookup");
  withPromise(dns.promises, "lookup");
  for (const name of ["lookup", "lookupService"]) {
    dns[name][util.promisify.custom] = (...args) => dns.promises[name](...args);
  }
}

function guardDatagrams(hosts) {
  const { send: originalSend, connect: originalConnect } = dgram.Socket.prototype;

  // Whether an address may be sent to; where not, the program hears of it as of any failure.
  function refused(socket, address, port, callback, syscall) {
    if (typeof address !== "string" || address === "" || hosts.decide(address) !== "refuse") return false;
    const error = hosts.refuse(address, port, "ECONNREFUSED", syscall);
    process.nextTick(() => {
      if (callback) callback(error);
      else socket.emit("error", error);
    });
    return true;
  }

  dgram.Socket.prototype.send = function send(...args) {
    const callback = typeof args.at(-1) === "function" ? args.at(-1) : null;
    const words = args.filter((word) => word !== callback || word === undefined);
    // (message, port, address) or (message, offset, length, port, address)
    const [port, address] = words.length > 3 && words[3] ? words.slice(3) : words.slice(1);
    if (refused(this, address, port, callback, "send")) return undefined;
    return originalSend.apply(this, args);
  };
  dgram.Socket.prototype.connect = function connect(port, address, callback) {
    const done = typeof address === "function" ? address : callback;
    if (refused(this, address, port, done, "connect")) return undefined;
    return originalConnect.call(this, port, address, callback);
  };
}

module.exports = { guardNames, guardDatagrams };
