// Where the API is, as seen from the page: below the prefix of a workspace, or of a mounted application.

/** The address before the API's paths, without a slash at its end. */
export function origin() {
  return new URL("..", location.href).href.replace(/\/$/, "");
}

/** The same without the prefix of a workspace. */
export function root() {
  return origin().replace(/\/@[A-Za-z0-9._-]+$/, "");
}
