// The run's proxy is for programs without a hook: a library that reads it from the environment (axios does)
// would go another way than it goes for its user. Child processes get it all the same.
"use strict";

const childProcess = require("node:child_process");

const NAMES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const WITHOUT = ["NO_PROXY", "no_proxy"];

function hideProxies(config, hosts) {
  const ours = config.proxy_url;
  // Where the user has a proxy of their own, ours stands for it.
  const hidden = NAMES.filter((name) => !config.user_proxies.includes(name.toLowerCase().replace("_proxy", "")));
  const without = [config.no_proxy, ...hosts.read().hosts].join(",");
  for (const name of hidden) if (process.env[name] === ours) delete process.env[name];
  if (hidden.length < NAMES.length) {
    for (const name of WITHOUT) if (process.env[name] === config.no_proxy) process.env[name] = without;
  }

  // The environment as a child needs it; one that has nothing of the run is left alone.
  function forChild(environment) {
    const all = {};
    for (const key in environment) all[key] = environment[key];
    if (all.KLING_MOCK_RUN === undefined) return all;
    for (const name of hidden) if (all[name] === undefined) all[name] = ours;
    for (const name of WITHOUT) if (all[name] === without) all[name] = config.no_proxy;
    return all;
  }

  const { spawn } = childProcess.ChildProcess.prototype;
  childProcess.ChildProcess.prototype.spawn = function (options) {
    if (!Array.isArray(options?.envPairs)) return spawn.call(this, options);
    const pairs = options.envPairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
    const environment = forChild(Object.fromEntries(pairs));
    options.envPairs = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    return spawn.call(this, options);
  };
  for (const name of ["spawnSync", "execFileSync", "execSync"]) {
    const original = childProcess[name];
    childProcess[name] = (...args) => {
      while (args.length > 1 && (args.at(-1) === undefined || args.at(-1) === null)) args.pop();
      const last = args.at(-1);
      const given = last !== null && typeof last === "object" && !Array.isArray(last);
      const options = given ? args.pop() : {};
      return original(...args, { ...options, env: forChild(options.env ?? process.env) });
    };
  }
}

module.exports = { hideProxies };
