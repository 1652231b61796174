// Checks XML files against an XML schema, with libxml2. Usage: node xmllint.mjs SCHEMA.xsd FILE.xml...
// Ends with code 1 and says what is wrong, a line each.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { memoryPages, validateXML } from "xmllint-wasm";

const [schema, ...files] = process.argv.slice(2);
const read = async (path) => ({ fileName: basename(path), contents: await readFile(path, "utf8") });

const result = await validateXML({
  xml: await Promise.all(files.map(read)),
  schema: [await read(schema)],
  maxMemoryPages: memoryPages.GiB,
});
if (!result.valid) {
  const placed = result.errors.filter((e) => e.loc);
  console.error((placed.length > 0 ? placed : result.errors).map((e) => e.rawMessage).join("\n"));
  process.exitCode = 1;
}
