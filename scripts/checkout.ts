import { fileURLToPath } from "node:url";

/** The top folder of the checkout, without a slash at the end. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url))
  .replace(/[\\/]$/, "");
