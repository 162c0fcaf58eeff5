// Writes checkpoints.jsonl.zst: the relay chains' checkpoints of several versions of @polkadot-api/known-chains.
// Run: node extract.mjs (needs npm, tar and zstd).
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const VERSIONS = ["0.0.1", "0.1.3", "0.5.0", "0.7.0", "0.9.0", "0.9.10", "0.10.0", "0.12.1"];
const RELAY_CHAINS = /^(polkadot|ksmcc3|kusama|westend2|westend|paseo)\.m?js$/;
const folder = mkdtempSync(join(tmpdir(), "checkpoints-"));

const found = [];
VERSIONS.forEach((version, order) => {
  const packed = execFileSync("npm", ["pack", "--silent", `@polkadot-api/known-chains@${version}`], { cwd: folder });
  execFileSync("tar", ["xzf", packed.toString().trim().split("\n").pop()], { cwd: folder });
  const names = readdirSync(join(folder, "package"), { recursive: true }).filter((name) => RELAY_CHAINS.test(basename(name)));
  const seen = new Set();
  for (const name of names.sort()) {
    const text = readFileSync(join(folder, "package", name), "utf8");
    const json = text.match(/`([\s\S]*)`/)?.[1];
    if (json === undefined) continue; // The module hands on another one.
    const spec = JSON.parse(json);
    if (seen.has(spec.id)) continue;
    seen.add(spec.id);
    const { id, genesis, lightSyncState } = spec;
    found.push({ order, line: JSON.stringify({ package: version, name: id, id, genesis, lightSyncState }), id });
  }
  rmSync(join(folder, "package"), { recursive: true });
});

// The checkpoints of one chain beside each other: what they have in common is then packed once.
found.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.order - b.order));
const lines = join(folder, "checkpoints.jsonl");
writeFileSync(lines, found.map(({ line }) => line + "\n").join(""));
const out = join(import.meta.dirname ?? ".", "checkpoints.jsonl.zst");
execFileSync("zstd", ["-q", "-f", "-19", "--long=27", lines, "-o", out]);
rmSync(folder, { recursive: true });
