// CosmJS, unmodified: `node headers.mjs RUSHLIGHT NODE` asks both for the same headers, commits and sets and compares what it reads.
// Exit code 1 when a call fails or a value differs. What no header covers (priorities, sizes) is not compared.
import { connectComet } from '@cosmjs/tendermint-rpc';
import { toHex } from '@cosmjs/encoding';

const [rushlight, node] = process.argv.slice(2);
if (!node) {
  console.error('usage: node headers.mjs RUSHLIGHT_URL NODE_URL');
  process.exit(2);
}

let failures = 0;
const plain = (value) =>
  JSON.stringify(value, (_, inner) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return toHex(inner);
    return inner;
  });
const check = (name, got, want) => {
  const same = plain(got) === plain(want);
  if (!same) failures += 1;
  console.log(`${same ? 'ok  ' : 'FAIL'} ${name}${same ? '' : `\n  rushlight ${plain(got)}\n  node      ${plain(want)}`}`);
};
const attempt = async (name, work) => {
  try {
    await work();
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name}: ${error.message}`);
  }
};

const ours = await connectComet(rushlight);
const theirs = await connectComet(node);
console.log(`client for Rushlight: ${ours.constructor.name}; for the node: ${theirs.constructor.name}`);

const status = await ours.status();
const height = status.syncInfo.latestBlockHeight;
check('status: network', status.nodeInfo.network, (await theirs.status()).nodeInfo.network);
check('status: a height', Number.isInteger(height) && height > 3, true);

// CosmJS reads numbers, keys and signatures into the same values whatever client it made, so they compare as they stand.
for (const at of [height, height - 1, height - 2, 2]) {
  await attempt(`commit ${at}`, async () => {
    const [mine, real] = [await ours.commit(at), await theirs.commit(at)];
    check(`commit ${at}: header`, mine.header, real.header);
    // Two nodes may hold different votes for one block, at the tip and for good: the block id is what is final.
    check(`commit ${at}: block id`, mine.commit.blockId, real.commit.blockId);
  });
  await attempt(`validators ${at}`, async () => {
    const unproven = (set) => set.map(({ address, pubkey, votingPower }) => ({ address, pubkey, votingPower }));
    const [mine, real] = [await ours.validatorsAll(at), await theirs.validatorsAll(at)];
    check(`validators ${at}: total`, mine.total, real.total);
    check(`validators ${at}: members`, unproven(mine.validators), unproven(real.validators));
  });
}
await attempt('blockchain', async () => {
  const [mine, real] = [await ours.blockchain(2, height), await theirs.blockchain(2, height)];
  const headers = ({ blockMetas }) => blockMetas.map((meta) => ({ id: meta.blockId, header: meta.header }));
  check(`blockchain 2 to ${height}`, headers(mine), headers(real));
});
await attempt('a height above the head', async () => {
  let words = '';
  try {
    await ours.commit(height + 1_000_000);
  } catch (error) {
    words = error.message;
  }
  check('a height above the head is refused and says so', /height/.test(words), true);
});
await attempt('health', () => ours.health());

ours.disconnect();
theirs.disconnect();
console.log(failures ? `${failures} failures` : 'all the same');
process.exit(failures ? 1 : 0);
