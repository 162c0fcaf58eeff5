// Fetches the chain specifications again from the newest (or the named) version of @polkadot-api/known-chains.
// Run: node refresh.mjs [VERSION] (needs npm, tar and zstd). Then: cargo test -p rushlight chain_specs, and look at what changed.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const here = import.meta.dirname ?? ".";
const folder = mkdtempSync(join(tmpdir(), "chain-specs-"));
const wanted = `@polkadot-api/known-chains@${process.argv[2] ?? "latest"}`;
const packed = execFileSync("npm", ["pack", "--silent", wanted], { cwd: folder });
execFileSync("tar", ["xzf", packed.toString().trim().split("\n").pop()], { cwd: folder });
const { version } = JSON.parse(readFileSync(join(folder, "package", "package.json"), "utf8"));

readdirSync(here).filter((name) => name.endsWith(".json.zst")).forEach((name) => rmSync(join(here, name)));
const specs = join(folder, "package", "dist", "specs");
for (const name of readdirSync(specs).filter((name) => name.endsWith(".js"))) {
  const spec = JSON.parse(readFileSync(join(specs, name), "utf8").match(/`([\s\S]*)`/)[1]);
  const json = join(folder, name.replace(".js", ".json"));
  writeFileSync(json, JSON.stringify(spec) + "\n");
  execFileSync("zstd", ["-q", "-f", "--ultra", "-22", json, "-o", join(here, name.replace(".js", ".json.zst"))]);
}
writeFileSync(join(here, "LICENSE-known-chains"), readFileSync(join(folder, "package", "LICENSE")));
writeFileSync(join(here, "VERSION"), version + "\n");
rmSync(folder, { recursive: true });
