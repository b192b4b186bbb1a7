// Loaded beside preload.cjs into a Node program that is started hundreds of times and lives for a moment each: what
// Node does for the sake of a long life is left out. Nothing of it can be seen by the program.
"use strict";

// The parser of undici is WebAssembly: optimizing it takes longer than such a program lives. Flags are set no earlier
// than it is compiled: with other ones than Node was built with, V8 compiles anew each module of Node's own.
const FLAGS = "--liftoff-only --no-wasm-tier-up --no-wasm-dynamic-tiering";
// What undici loads after its parser, in some versions of Node.
const SOON = ["node:http2", "node:perf_hooks", "node:stream/web", "node:zlib"];

function optimizeNothing() {
  const { compile, Module } = WebAssembly;
  // Each Node has undici call one of them; the first call ends the watch.
  const begin = () => {
    for (const [name, value] of Object.entries({ compile, Module })) {
      if (WebAssembly[name] === watched[name]) WebAssembly[name] = value;
    }
    for (const name of SOON) require(name);
    require("node:v8").setFlagsFromString(FLAGS);
  };
  const watched = {
    compile(...args) {
      begin();
      return compile(...args);
    },
    Module: new Proxy(Module, {
      construct(...given) {
        begin();
        return Reflect.construct(...given);
      },
    }),
  };
  Object.assign(WebAssembly, watched);
}

// A Node without a compiler (`--jitless`) has no WebAssembly either.
if (globalThis.WebAssembly) optimizeNothing();

// NODE_EXTRA_CA_CERTS makes every start read all the authorities that Node knows; here they are read once TLS needs
// them, and the mock's own is added then.
const file = process.env.KLING_MOCK_RUN;
if (file && !process.env.NODE_EXTRA_CA_CERTS) {
  const tls = require("node:tls");
  const original = tls.createSecureContext;
  let authority = null;
  tls.createSecureContext = function createSecureContext(options, ...rest) {
    const made = original.call(this, options, ...rest);
    authority ??= JSON.parse(require("node:fs").readFileSync(file, "utf8")).authority;
    if (!options?.ca) made.context.addCACert(authority);
    return made;
  };
}
