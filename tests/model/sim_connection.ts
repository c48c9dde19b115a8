import { Connection } from "../../src/transport/connection.ts";
import { type SimServer, takeCommands } from "./sim_server.ts";
import { type SimReply, SimSession } from "./sim_session.ts";

/**
 * A connection to a simulated server, on which commands are executed at once.
 *
 * @returns What the engine may ask.
 */
export function connectTo(server: SimServer): Connection {
  const session = new SimSession(server);
  let replies = new Uint8Array();
  const conn = {
    write: (bytes: Uint8Array): Promise<number> => {
      const { commands } = takeCommands(bytes);
      const text = commands.map((words) => encode(session.execute(words)));
      replies = new TextEncoder().encode(text.join(""));
      return Promise.resolve(bytes.length);
    },
    read: (into: Uint8Array): Promise<number | null> => {
      if (replies.length === 0) return Promise.resolve(null);
      const part = replies.slice(0, into.length);
      into.set(part);
      replies = replies.slice(part.length);
      return Promise.resolve(part.length);
    },
    close: (): void => {},
    remoteAddr: { transport: "tcp", hostname: "sim", port: 1 },
    localAddr: { transport: "tcp", hostname: "sim", port: 2 },
  };
  return Connection.from(conn as unknown as Deno.Conn);
}

function encode(reply: SimReply): string {
  switch (reply.kind) {
    case "ok":
      return "+OK\r\n";
    case "nil":
      return "*-1\r\n";
    case "error":
      return `-${reply.text}\r\n`;
    case "text":
      return `$${reply.text.length}\r\n${reply.text}\r\n`;
    case "items":
      return `*${reply.items.length}\r\n${reply.items.map(encode).join("")}`;
  }
}
