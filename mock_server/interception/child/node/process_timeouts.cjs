// Time limits of child processes: `spawn`, `exec` and `execFile` with `timeout` end them in virtual time.
"use strict";

const childProcess = require("node:child_process");
const util = require("node:util");

function replaceProcessTimeouts(schedule) {
  const { spawn, exec, execFile } = childProcess;

  // A call's arguments without the `timeout` among them, and the options that held it.
  function limited(given) {
    const at = given.findIndex((one) => one !== null && typeof one === "object" && !Array.isArray(one));
    if (at === -1 || !(given[at].timeout > 0)) return [given, null];
    const args = [...given];
    args[at] = { ...given[at], timeout: 0 };
    return [args, given[at]];
  }

  function limiting(original) {
    return function (...given) {
      const [args, options] = limited(given);
      const child = original.apply(this, args);
      if (options === null) return child;
      const timer = schedule.set(() => child.kill(options.killSignal ?? "SIGTERM"), options.timeout, []);
      child.once("exit", () => schedule.clear(timer));
      child.once("error", () => schedule.clear(timer));
      return child;
    };
  }

  // As Node's own: a promise of what was written, which knows its child.
  function promising(call) {
    return (...args) => {
      let child;
      const promise = new Promise((resolve, reject) => {
        child = call(...args, (error, stdout, stderr) => {
          if (error) reject(Object.assign(error, { stdout, stderr }));
          else resolve({ stdout, stderr });
        });
      });
      promise.child = child;
      return promise;
    };
  }

  childProcess.spawn = limiting(spawn);
  // `exec` calls `execFile` as the module has it.
  childProcess.execFile = limiting(execFile);
  childProcess.exec = function (...args) {
    return exec.apply(this, args);
  };
  for (const name of ["exec", "execFile"]) {
    Object.defineProperty(childProcess[name], util.promisify.custom, { value: promising(childProcess[name]) });
  }
}

module.exports = { replaceProcessTimeouts };
