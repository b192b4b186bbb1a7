// Loaded before preload.cjs into a Node program that is started hundreds of times and lives for a moment each: what
// Node does at a start for the sake of a long life is left out. Nothing of it can be seen by the program.
"use strict";

// The parser of undici is WebAssembly: optimizing it takes longer than such a program lives.
require("node:v8").setFlagsFromString("--liftoff-only");

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
