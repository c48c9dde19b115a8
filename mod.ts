#!/usr/bin/env -S deno run --allow-net --allow-read --allow-env=REDISCLI_AUTH,REDIS_URL,RESPIPE_SENTINEL_AUTH,TERM
/**
 * respipe gets a file into Redis or Valkey: rows become commands, as fast as
 * the server takes them, and every row is accounted for.
 *
 * As a library it is {@linkcode load}, {@linkcode encode} and
 * {@linkcode pipe}; as the main module it is the command line.
 *
 * @example
 * ```ts ignore
 * import { load } from "@respipe/respipe";
 *
 * const summary = await load({
 *   sources: ["users.csv"],
 *   commands: [["HSET", "user:{id}", "{*}"]],
 * });
 * console.log(summary.loaded);
 * ```
 *
 * @module
 */
import { main } from "./src/cli/main.ts";

export { CsvReader, type CsvReaderOptions } from "./src/codec/csv_reader.ts";
export {
  type Dialect,
  type DialectOptions,
  parseDialect,
} from "./src/codec/dialect.ts";
export type { Derived } from "./src/codec/placeholder.ts";
export { Header } from "./src/codec/header.ts";
export type { Place } from "./src/codec/place.ts";
export { RecordView } from "./src/codec/record.ts";
export { RowEncoder } from "./src/codec/row_encoder.ts";
export type { LayoutOptions } from "./src/codec/layout.ts";
export { type RecordFault, Step } from "./src/codec/step.ts";
export {
  type Argument,
  compileTemplate,
  type Piece,
  type Template,
} from "./src/codec/template.ts";
export type { Checkpoint, Fingerprint } from "./src/engine/checkpoint.ts";
export type { SaveCheckpoint } from "./src/engine/checkpoints.ts";
export { encode, type EncodeOptions } from "./src/engine/encode.ts";
export { type ErrorKind, ErrorTally } from "./src/engine/error_tally.ts";
export type { EndMarker, LaneOptions } from "./src/engine/lane.ts";
export type { RecordPlace } from "./src/engine/ledger.ts";
export type {
  PipeClusterData,
  PipeCounts,
  PipeError,
} from "./src/engine/pipe_ledger.ts";
export { load, type LoadOptions } from "./src/engine/load.ts";
export type { EndOptions } from "./src/engine/load_ends.ts";
export type { TargetOptions } from "./src/engine/open_router.ts";
export { pipe, type PipeOptions } from "./src/engine/pipe.ts";
export type { KnownReject, OnReject, Reject } from "./src/engine/reject.ts";
export type { RowOptions } from "./src/engine/row_plan.ts";
export type { SourceOptions } from "./src/engine/rows.ts";
export type { SourceComparison } from "./src/engine/source_mark.ts";
export {
  type NodeData,
  type ServerData,
  type SourceFormat,
  Summary,
  type SummaryData,
  type SummaryState,
} from "./src/engine/summary.ts";
export type {
  EarlierRun,
  ExactlyOnceOptions,
} from "./src/engine/transactions.ts";
export type { MemoryForecast } from "./src/engine/memory_forecast.ts";
export type { Replicated } from "./src/engine/wait_replicas.ts";
export type { Pruned } from "./src/engine/prune.ts";
export type { Swapped } from "./src/engine/swap_db.ts";
export {
  ConnectionError,
  InputError,
  type InputPosition,
  InterruptedError,
  LockedError,
  NotReadyError,
  ProtocolError,
  StoppedError,
  UsageError,
} from "./src/errors.ts";
export { ByteBuffer } from "./src/protocol/byte_buffer.ts";
export { encodeCommand } from "./src/protocol/encode_command.ts";
export * from "./src/protocol/reply.ts";
export { ReplyReader } from "./src/protocol/reply_reader.ts";
export type {
  Address,
  TcpAddress,
  UnixAddress,
} from "./src/transport/address.ts";
export { connect, type ConnectOptions } from "./src/transport/connect.ts";
export { type ByteStream, Connection } from "./src/transport/connection.ts";
export type { HandshakeOptions } from "./src/transport/handshake.ts";
export type { RedisSentinelOptions } from "./src/transport/redis_sentinel.ts";
export type { ServerInfo, ServerMemory } from "./src/transport/server_info.ts";
export type { TlsOptions } from "./src/transport/tls_material.ts";
export { Tunnel, type TunnelOptions } from "./src/transport/tunnel.ts";
export { openSource, type Source } from "./src/transport/source.ts";
export type { HeaderLine, Validator } from "./src/transport/url_source.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
