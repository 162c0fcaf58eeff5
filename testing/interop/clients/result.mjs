#!/usr/bin/env node
// Reads a JSON-RPC response on stdin and prints what is to be the same at every server, members sorted:
// `result` all of it; `commit` without votes (nodes may hold different ones for one block); `validators` without priorities and
// `blockchain` without sizes and the newest height, which no header covers; `refused` only that there is an error.
import { readFileSync } from 'node:fs';

const sorted = (value) =>
  Array.isArray(value)
    ? value.map(sorted)
    : value && typeof value === 'object'
      ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
      : value;
const views = {
  result: (result) => result,
  commit: ({ signed_header: { header, commit }, canonical }) => ({ header, id: commit.block_id, canonical }),
  validators: ({ validators, ...rest }) => ({
    ...rest,
    validators: validators.map(({ proposer_priority, ...member }) => member),
  }),
  blockchain: ({ block_metas }) => block_metas.map(({ block_id, header }) => ({ block_id, header })),
};
try {
  const response = JSON.parse(readFileSync(0, 'utf8'));
  const view = process.argv[2];
  if (view === 'refused') console.log(response.error ? 'refused' : 'answered');
  else console.log(response.error ? `error ${JSON.stringify(response.error)}` : JSON.stringify(sorted(views[view](response.result))));
} catch (error) {
  console.log(`not a response: ${error.message}`);
}
