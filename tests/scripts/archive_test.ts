import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { TempFiles } from "../support/temp_files.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const PROGRAMS = ["gzip", "zip", "unzip", "sha256sum"];
const ignore = Deno.build.os !== "linux" ||
  !new Deno.Command("sh", {
    args: ["-c", PROGRAMS.map((it) => `command -v ${it}`).join(" && ")],
    stdout: "null",
  }).outputSync().success;

/** Runs a shell's line in a folder; gives what it prints. */
async function sh(line: string, cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", line],
    cwd,
  }).output();
  const decoder = new TextDecoder();
  assertEquals([success, decoder.decode(stderr)], [true, ""]);
  return decoder.decode(stdout);
}

Deno.test({
  name: "archive.sh packs each binary, sums up, and gives the same bytes again",
  ignore,
  fn: async () => {
    using files = new TempFiles();
    const { path } = files;
    await Deno.mkdir(`${path}/dist`);
    files.write(
      "dist/respipe-1.0.0-x86_64-unknown-linux-gnu",
      "#!/bin/sh\necho 1\n",
    );
    files.write("dist/respipe-1.0.0-x86_64-pc-windows-msvc.exe", "MZ");
    const pack = (to: string): Promise<string> =>
      sh(`sh '${ROOT}/scripts/archive.sh' dist ${to}`, path);
    await pack("one");
    await sh("sleep 1; touch dist/*", path);
    await pack("two");
    const sums = await Deno.readTextFile(`${path}/one/SHA256SUMS`);
    assertEquals(await Deno.readTextFile(`${path}/two/SHA256SUMS`), sums);
    assertEquals(
      sums.trimEnd().split("\n").map((line) => line.split("  ")[1]),
      [
        "respipe-1.0.0-x86_64-unknown-linux-gnu.tar.gz",
        "respipe-1.0.0-x86_64-pc-windows-msvc.zip",
      ],
    );
    await sh("sha256sum -c --quiet SHA256SUMS", `${path}/one`);
    await sh("tar -xzf *.tar.gz && unzip -q *.zip", `${path}/one`);
    assertEquals(
      await sh("respipe-1.0.0-x86_64-unknown-linux-gnu/respipe", `${path}/one`),
      "1\n",
    );
    const there = ["CHANGELOG.md", "LICENSE", "README.md", "examples"];
    for (
      const [name, program] of [
        ["x86_64-unknown-linux-gnu", "respipe"],
        ["x86_64-pc-windows-msvc", "respipe.exe"],
      ]
    ) {
      const folder = `${path}/one/respipe-1.0.0-${name}`;
      const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
      assertEquals(names.sort(), [...there, program]);
    }
  },
});
