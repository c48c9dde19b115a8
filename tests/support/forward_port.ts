/**
 * Stands in for a port-forward: deno run forward_port.ts LOCAL TARGET [HOW]
 * [FILE]
 *
 * HOW is `stubborn` (SIGTERM is not heard), `broken` (says why and ends), `cut`
 * (forwards 20,000 bytes, says so and ends), or `shaky` (that, and the next
 * time it is broken, and from then on all is well; FILE keeps the count).
 *
 * @module
 */
const [local, target, , file] = Deno.args;
const how = Deno.args[2] === "shaky" ? await turn(file) : Deno.args[2];

async function turn(file: string): Promise<string> {
  const done = (await Deno.readTextFile(file)).length;
  await Deno.writeTextFile(file, "x", { append: true });
  return ["cut", "broken"][done] ?? "plain";
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (how === "broken") {
  say('error: pods "redis-0" not found');
  Deno.exit(7);
}
if (how === "stubborn") Deno.addSignalListener("SIGTERM", () => {});

const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(local) });
for await (const client of listener) {
  const server = await Deno.connect({ port: Number(target) });
  let count = 0;
  const meter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (piece, controller): void => {
      count += piece.length;
      if (how === "cut" && count > 20_000) {
        say("error: lost connection to pod");
        Deno.exit(1);
      }
      controller.enqueue(piece);
    },
  });
  client.readable.pipeThrough(meter).pipeTo(server.writable).catch(() => {});
  server.readable.pipeTo(client.writable).catch(() => {});
}
