import { assertEquals } from "@std/assert";
import { sha256Sums } from "../../scripts/sha256_sums.ts";
import { TempFiles } from "../support/temp_files.ts";

Deno.test("sha256Sums writes what sha256sum -c reads", async () => {
  using files = new TempFiles();
  files.write("b", "");
  files.write("a", "abc");
  // The examples of FIPS 180-2 and of everybody: "abc" and nothing.
  assertEquals(
    await sha256Sums(files.path, ["b", "a"]),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n",
  );
});
