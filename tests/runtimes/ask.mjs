console.log((await fetch("https://api.aimlapi.com/v1/models")).status);
await fetch("https://example.com").then((answer) => answer.ok, () => false).then((ok) => console.log(ok ? "" : "refused"));
await new Promise((resolve) => setTimeout(resolve, 4000));
