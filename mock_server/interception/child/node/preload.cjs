// Loaded into every Node process under `kling-mock run`, before the program's own code.
"use strict";

// Deno loads this as well, and has other insides: it goes by the proxy.
const { configuration, keepHooks } = process.versions.deno ? {} : require("./threads.cjs");

const file = configuration?.();

// Shows that this process is hooked; nothing depends on it.
function leaveMark(fs, config) {
  try {
    fs.writeFileSync(`${config.marks}/${process.pid}`, "");
  } catch {}
}

if (file) {
  try {
    const fs = require("node:fs");
    const config = JSON.parse(fs.readFileSync(file, "utf8"));
    const { ParentChannel } = require("./parent_channel.cjs");
    const parent = new ParentChannel(config);
    const hosts = new (require("./hosts.cjs").Hosts)(config, parent);
    require("./redirection.cjs").redirect(config, hosts);
    const { guardNames, guardDatagrams } = require("./dns.cjs");
    guardNames(hosts);
    guardDatagrams(hosts);
    require("./proxies.cjs").hideProxies(config, hosts);
    keepHooks(__filename);
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
