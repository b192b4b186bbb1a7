// Loaded into every Node, Deno and Bun process under `kling-mock run`, before the program's own code.
"use strict";

// Deno asks its user for what it was not permitted: a program with few permissions is left as it is.
function isPermitted() {
  const { permissions } = globalThis.Deno ?? {};
  return !permissions || ["env", "read", "write", "net"].every((name) => permissions.querySync({ name }).state === "granted");
}

// Shows that this process is hooked; nothing depends on it.
function leaveMark(fs, config) {
  try {
    fs.writeFileSync(`${config.marks}/${process.pid}`, "");
  } catch {}
}

// Node's own connections are led here; Deno and Bun go by the proxy.
function lead(config, parent) {
  const hosts = new (require("./hosts.cjs").Hosts)(config, parent);
  require("./redirection.cjs").redirect(config, hosts);
  const { guardNames, guardDatagrams } = require("./dns.cjs");
  guardNames(hosts);
  guardDatagrams(hosts);
  require("./proxies.cjs").hideProxies(config, hosts);
  require("./threads.cjs").keepHooks(__filename);
  require("./forks.cjs").keepForks(__filename, config);
}

function start() {
  const file = require("./threads.cjs").configuration();
  if (!file) return;
  const { isNative } = require("./native_io.cjs");
  try {
    const fs = require("node:fs");
    const config = JSON.parse(fs.readFileSync(file, "utf8"));
    const { ParentChannel } = require("./parent_channel.cjs");
    const parent = new ParentChannel(config);
    if (!isNative) lead(config, parent);
    require("node:module").syncBuiltinESMExports();
    leaveMark(fs, config);
    if (config.fast_forward) require("./virtual_time.cjs").fastForward(config, parent);
  } catch (error) {
    // The run may be over while a process of it still starts another one.
    if (error.code !== "ENOENT") {
      process.stderr.write(`kling-mock run: this Node cannot be hooked: ${error.message}\n`);
    }
  }
}

if (isPermitted()) start();
