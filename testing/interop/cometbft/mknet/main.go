// mknet writes the homes of a loopback network: keys derived from a seed, one genesis, distinct ports.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	cfg "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/types"

	"rushlight/interop/cometbft/internal/kit"
)

func main() {
	out := flag.String("out", "", "folder to make")
	n := flag.Int("validators", 4, "nodes that validate")
	ph := flag.Int("phantoms", 0, "validators in the genesis set that never sign")
	spare := flag.Int("spare", 4, "more keys, outside of the genesis set")
	phPower := flag.Int64("phantom-power", 1, "power of each phantom")
	chain := flag.String("chain-id", "rushlight-net", "chain id")
	seed := flag.String("seed", "rushlight", "seed of all validator keys")
	kinds := flag.String("key-types", "ed25519", "comma separated, used in turn by nodes and phantoms")
	powers := flag.String("powers", "10", "comma separated, used in turn by nodes")
	port := flag.Int("base-port", 26656, "first port; each node takes two")
	initial := flag.Int64("initial-height", 1, "height of the first block")
	ms := flag.Int("timeout-ms", 250, "timeout_commit; the others follow from it")
	empty := flag.Bool("empty-blocks", true, "make empty blocks")
	emptyMs := flag.Int("empty-blocks-interval-ms", 0, "pause before an empty block")
	nilVoter := flag.Int("nil-voter", -1, "index of a node with timeouts so short that it often precommits nil")
	ageBlocks := flag.Int64("evidence-age-blocks", 100000, "consensus_params.evidence.max_age_num_blocks")
	ageTime := flag.Duration("evidence-age", 48*time.Hour, "consensus_params.evidence.max_age_duration")
	flag.Parse()
	if *out == "" {
		log.Fatal("-out is needed")
	}
	types_ := strings.Split(*kinds, ",")
	pw := strings.Split(*powers, ",")
	net := kit.Net{ChainID: *chain, Seed: *seed, Initial: *initial}
	params := types.DefaultConsensusParams()
	params.Validator.PubKeyTypes = nil
	seen := map[string]bool{}
	for _, t := range types_ {
		if !seen[t] {
			params.Validator.PubKeyTypes = append(params.Validator.PubKeyTypes, t)
		}
		seen[t] = true
	}
	params.Evidence.MaxAgeNumBlocks, params.Evidence.MaxAgeDuration = *ageBlocks, *ageTime
	params.Version.App = 1
	doc := &types.GenesisDoc{ChainID: *chain, ConsensusParams: params, GenesisTime: time.Now().UTC().Truncate(time.Millisecond), InitialHeight: *initial}
	var peers []string
	for i := 0; i < *n; i++ {
		home := filepath.Join(*out, fmt.Sprintf("node%d", i))
		must(os.MkdirAll(filepath.Join(home, "config"), 0o755))
		must(os.MkdirAll(filepath.Join(home, "data"), 0o755))
		t := types_[i%len(types_)]
		k, err := kit.GenKey(t, fmt.Sprintf("%s/node/%d", *seed, i))
		must(err)
		privval.NewFilePV(k, filepath.Join(home, "config", "priv_validator_key.json"), filepath.Join(home, "data", "priv_validator_state.json")).Save()
		nk, err := kit.GenKey("ed25519", fmt.Sprintf("%s/p2p/%d", *seed, i))
		must(err)
		key := p2p.NodeKey{PrivKey: nk}
		must(key.SaveAs(filepath.Join(home, "config", "node_key.json")))
		power, err := strconv.ParseInt(strings.TrimSpace(pw[i%len(pw)]), 10, 64)
		must(err)
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: k.PubKey().Address(), PubKey: k.PubKey(), Power: power, Name: fmt.Sprintf("node%d", i)})
		p2pAddr := fmt.Sprintf("127.0.0.1:%d", *port+2*i)
		peers = append(peers, string(key.ID())+"@"+p2pAddr)
		net.Nodes = append(net.Nodes, kit.Node{Name: fmt.Sprintf("node%d", i), RPC: fmt.Sprintf("http://127.0.0.1:%d", *port+2*i+1), P2P: p2pAddr, KeyType: t, Address: k.PubKey().Address().String(), Power: power})
	}
	must(os.MkdirAll(filepath.Join(*out, "phantoms"), 0o755))
	for i := 0; i < *ph+*spare; i++ {
		t := types_[i%len(types_)]
		k, err := kit.GenKey(t, fmt.Sprintf("%s/phantom/%d", *seed, i))
		must(err)
		name := fmt.Sprintf("phantom%d", i)
		bz, err := cmtjson.MarshalIndent(privval.FilePVKey{Address: k.PubKey().Address(), PubKey: k.PubKey(), PrivKey: k}, "", "  ")
		must(err)
		must(os.WriteFile(filepath.Join(*out, "phantoms", name+".json"), bz, 0o600))
		p := int64(0)
		if i < *ph {
			p = *phPower
			doc.Validators = append(doc.Validators, types.GenesisValidator{Address: k.PubKey().Address(), PubKey: k.PubKey(), Power: p, Name: name})
		}
		net.Phantoms = append(net.Phantoms, kit.Node{Name: name, KeyType: t, Address: k.PubKey().Address().String(), Power: p})
	}
	must(doc.ValidateAndComplete())
	d := time.Duration(*ms) * time.Millisecond
	for i := 0; i < *n; i++ {
		home := filepath.Join(*out, fmt.Sprintf("node%d", i))
		must(doc.SaveAs(filepath.Join(home, "config", "genesis.json")))
		c := cfg.DefaultConfig()
		c.SetRoot(home)
		c.Moniker = fmt.Sprintf("node%d", i)
		c.ProxyApp = "persistent_kvstore"
		c.LogLevel = "error"
		c.P2P.ListenAddress = "tcp://" + net.Nodes[i].P2P
		c.P2P.PersistentPeers = strings.Join(append(append([]string{}, peers[:i]...), peers[i+1:]...), ",")
		c.P2P.AddrBookStrict = false
		c.P2P.AllowDuplicateIP = true
		c.P2P.PexReactor = false
		c.P2P.FlushThrottleTimeout = 10 * time.Millisecond
		c.RPC.ListenAddress = strings.Replace(net.Nodes[i].RPC, "http", "tcp", 1)
		c.RPC.PprofListenAddress = ""
		c.RPC.MaxBodyBytes = 4 << 20
		c.Consensus.TimeoutPropose = d + 150*time.Millisecond
		c.Consensus.TimeoutProposeDelta = 100 * time.Millisecond
		c.Consensus.TimeoutPrevote = d / 2
		c.Consensus.TimeoutPrevoteDelta = 50 * time.Millisecond
		c.Consensus.TimeoutPrecommit = d / 2
		c.Consensus.TimeoutPrecommitDelta = 50 * time.Millisecond
		c.Consensus.TimeoutCommit = d
		c.Consensus.PeerGossipSleepDuration = 25 * time.Millisecond
		c.Consensus.CreateEmptyBlocks = *empty
		c.Consensus.CreateEmptyBlocksInterval = time.Duration(*emptyMs) * time.Millisecond
		if i == *nilVoter {
			c.Consensus.TimeoutPropose, c.Consensus.TimeoutProposeDelta = time.Millisecond, time.Millisecond
			c.Consensus.TimeoutPrevote, c.Consensus.TimeoutPrevoteDelta = time.Microsecond, time.Microsecond
		}
		must(c.ValidateBasic())
		cfg.WriteConfigFile(filepath.Join(home, "config", "config.toml"), c)
	}
	bz, err := json.MarshalIndent(net, "", "  ")
	must(err)
	must(os.WriteFile(filepath.Join(*out, "net.json"), append(bz, '\n'), 0o644))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
