import { assert } from "@std/assert";
import { isSameFile } from "../../src/transport/same_file.ts";
import { TempFiles } from "../support/temp_files.ts";

Deno.test("a file is the same by any of its names", () => {
  using files = new TempFiles();
  const path = files.write("a", "x");
  Deno.linkSync(path, `${files.path}/hard`);
  Deno.symlinkSync(path, `${files.path}/soft`);
  Deno.symlinkSync("soft", `${files.path}/softer`);
  Deno.mkdirSync(`${files.path}/d`);
  const names = ["a", "./a", "d/../a", "/a", "hard", "soft", "softer"];
  for (const one of names) {
    for (const other of names) {
      assert(
        isSameFile(`${files.path}/${one}`, `${files.path}/${other}`),
        `${one}, ${other}`,
      );
    }
  }
});

Deno.test("files with the same content are not the same", () => {
  using files = new TempFiles();
  const [one, other] = [files.write("a", "x"), files.write("b", "x")];
  assert(!isSameFile(one, other));
});

Deno.test("what is not there is the same as nothing else", () => {
  using files = new TempFiles();
  const path = files.write("a", "x");
  Deno.symlinkSync("nowhere", `${files.path}/broken`);
  assert(!isSameFile(path, `${files.path}/b`));
  assert(!isSameFile(`${files.path}/b`, path));
  assert(!isSameFile(`${files.path}/b`, `${files.path}/c`));
  assert(!isSameFile(path, `${files.path}/broken`));
  assert(!isSameFile("-", path));
});

Deno.test("a name is the same as itself, file or not", () => {
  assert(isSameFile("no/such/file", "no/such/file"));
});
