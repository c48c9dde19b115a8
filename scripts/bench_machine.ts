import { cpus, release } from "node:os";
import type { RedisServer } from "../tests/support/redis_server.ts";
import { plain } from "../tests/support/plain_reply.ts";
import denoJson from "../deno.json" with { type: "json" };

/**
 * Says where figures were measured, without which they say nothing.
 *
 * @param server The server
 * @param cli The program that respipe is compared with
 * @param binary The compiled respipe, if that was measured
 * @returns Lines of a Markdown list
 */
export async function machineLines(
  server: RedisServer,
  cli: string,
  binary: string | undefined,
): Promise<string[]> {
  const cores = cpus();
  const info = String(plain(await server.command("INFO", "server")));
  const value = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1];
  const valkey = value("valkey_version");
  const { stdout } = await new Deno.Command(cli, { args: ["--version"] })
    .output();
  const digest = await server.command("DEBUG", "DIGEST");
  const how = binary === undefined ? "with deno run" : "compiled";
  return [
    `- machine: ${cores.length} cores, ${
      cores[0]?.model.trim() ?? "unknown"
    }, ` +
    `${Deno.build.os} ${release()}`,
    `- server: ${
      valkey === undefined
        ? `Redis ${value("redis_version")}`
        : `Valkey ${valkey}`
    }, no persistence, on 127.0.0.1`,
    `- client: ${new TextDecoder().decode(stdout).trim()}`,
    `- respipe ${denoJson.version}, ${how}; Deno ${Deno.version.deno}`,
    "- what was left in the server: compared by DBSIZE" +
    (digest.kind === "error" ? "; DEBUG is refused" : " and DEBUG DIGEST"),
  ];
}
