// Worker threads: each asks for itself, and is known to the parent before anybody can let time jump over it.
"use strict";

const threads = require("node:worker_threads");

const KEY = "kling-mock: run";

// Where the run's configuration is, also in a worker that was given an environment of its own.
function configuration() {
  const file = process.env.KLING_MOCK_RUN ?? (threads.isMainThread ? undefined : threads.getEnvironmentData(KEY));
  if (file) threads.setEnvironmentData(KEY, file);
  return file;
}

// A worker with an environment of its own would load nothing of the run: its connections would go where they like.
function keepHooks(preload) {
  threads.Worker = class Worker extends threads.Worker {
    constructor(file, options) {
      const own = options?.env !== null && typeof options?.env === "object" && !options.env.NODE_OPTIONS?.includes(preload);
      const execArgv = [...(options?.execArgv ?? process.execArgv), "--require", preload];
      super(file, own ? { ...options, execArgv } : options);
    }
  };
}

function watchThreads(schedule, parent) {
  const known = () => {
    if (parent.socket === null) parent.connect();
  };
  if (!threads.isMainThread) known();
  process.on("worker", (worker) => {
    known();
    // Expected from now on: the parent waits for the words of the thread itself.
    const id = worker.threadId;
    parent.tell({ ask: "thread", id });
    schedule.starting += 1;
    schedule.changed();
    let starting = true;
    const started = () => {
      if (starting) schedule.starting -= 1;
      starting = false;
      schedule.changed();
    };
    worker.once("online", () => {
      parent.tell({ ask: "thread", id, online: true });
      started();
    });
    worker.once("exit", () => {
      parent.tell({ ask: "thread", id, gone: true });
      started();
    });
  });
}

module.exports = { configuration, keepHooks, watchThreads };
