import { ConnectionError } from "../errors.ts";

/**
 * The server is not ready, but may be soon: it does not listen yet, is still
 * loading its data set, or is in the middle of a failover.
 */
export class NotReadyError extends ConnectionError {}

/** The server has closed the connection instead of answering. */
export class HungUpError extends NotReadyError {}
