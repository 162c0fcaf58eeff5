// recorder drives a loopback network and keeps its RPC answers byte for byte.
//
//	recorder wait -net DIR -blocks N
//	recorder endpoints -net DIR
//	recorder height -net DIR
//	recorder traffic -net DIR -rotate none|powers|slide|churn [-until H]
//	recorder record -net DIR -node I -from A -to B -out FILE.jsonl.gz
package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"net/url"
	"os"
	"strings"
	"time"

	"rushlight/interop/cometbft/internal/kit"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("wait, endpoints, traffic or record")
	}
	fs := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	dir := fs.String("net", "", "network folder")
	blocks := fs.Int64("blocks", 3, "blocks to wait for, counted from the initial height")
	rotate := fs.String("rotate", "none", "none, powers, slide or churn")
	every := fs.Int64("every", 3, "blocks between two changes of the validator set")
	until := fs.Int64("until", 1<<62, "stop at this height")
	window := fs.Int("window", 4, "nodes in the set at a time (slide)")
	quiet := fs.Int64("quiet-every", 9, "every so many heights no transaction is sent for two blocks (0 = never)")
	seed := fs.Int64("seed", 1, "seed of the choices")
	node := fs.Int("node", 0, "index of the node to ask")
	from := fs.Int64("from", 1, "first height")
	to := fs.Int64("to", 0, "last height (0 = latest)")
	out := fs.String("out", "", "file to write")
	lean := fs.Bool("lean", false, "only what a light client asks for: commit and validators")
	must(fs.Parse(os.Args[2:]))
	n, err := kit.LoadNet(*dir)
	must(err)
	rpc := n.Nodes[*node].RPC
	switch os.Args[1] {
	case "wait":
		first := int64(1)
		if h, err := initial(rpc); err == nil {
			first = h
		}
		must(kit.WaitHeight(rpc, first+*blocks-1, 90*time.Second))
	case "height":
		h, err := kit.Height(rpc)
		must(err)
		fmt.Println(h)
	case "endpoints":
		for _, x := range n.Nodes {
			fmt.Println(x.Name, x.RPC, x.KeyType, x.Address)
		}
	case "traffic":
		traffic(n, *rotate, *every, *until, *quiet, *window, *seed)
	case "record":
		record(rpc, *from, *to, *out, *lean)
	default:
		log.Fatalf("unknown command %s", os.Args[1])
	}
}

func initial(rpc string) (int64, error) {
	var err error
	for i := 0; i < 300; i++ {
		var body string
		if _, body, err = kit.Get(rpc, "/genesis"); err == nil {
			var g struct {
				Genesis struct {
					H string `json:"initial_height"`
				} `json:"genesis"`
			}
			if err = kit.Result(body, &g); err == nil {
				var h int64
				_, err = fmt.Sscan(g.Genesis.H, &h)
				return h, err
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, err
}

func send(rpc, tx string) error {
	_, body, err := kit.Get(rpc, "/broadcast_tx_sync?tx="+url.QueryEscape(`"`+tx+`"`))
	if err != nil {
		return err
	}
	var r struct {
		Code int `json:"code"`
	}
	if err := kit.Result(body, &r); err != nil {
		return err
	}
	if r.Code != 0 {
		return fmt.Errorf("code %d for %s", r.Code, tx)
	}
	return nil
}

// traffic sends key-value transactions for every block and changes the validator set by `val=` transactions.
func traffic(n *kit.Net, mode string, every, until, quiet int64, window int, seed int64) {
	_, nodes, phantoms, err := n.Keys()
	must(err)
	r := rand.New(rand.NewSource(seed))
	var last, lastChange, step int64
	// zeros: a node drops a transaction that it has seen, so the same change in a later round needs other bytes.
	valTx := func(phantom bool, i int, power int64, zeros int) string {
		k := nodes
		if phantom {
			k = phantoms
		}
		pub := k[i].PubKey()
		return fmt.Sprintf("val=%s!%s!%0*d", pub.Type(), base64.StdEncoding.EncodeToString(pub.Bytes()), 1+zeros, power)
	}
	// the kvstore of these versions stops the chain on a val= transaction for any other key type
	allowed := func(kind string) bool { return kind == "ed25519" || kind == "secp256k1" }
	var wasIn []bool                 // members of the set when last looked at
	turns := make([]int, len(nodes)) // how often each node has entered or left
	sentAt := make([]int64, len(nodes))
	on := map[int]bool{}
	count := 0
	if h, err := kit.Height(n.Nodes[0].RPC); err == nil {
		count = int(h) * 100 // no key twice when traffic starts again
	}
	for {
		rpc := n.Nodes[r.Intn(len(n.Nodes))].RPC
		h, err := kit.Height(rpc)
		if err != nil || h == last {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		last = h
		if h >= until {
			return
		}
		if quiet == 0 || h%quiet > 1 {
			for i := r.Intn(3); i >= 0; i-- {
				count++
				if err := send(rpc, fmt.Sprintf("key%d=value%d", count, r.Intn(1<<20))); err != nil {
					log.Println(err)
				}
			}
		}
		if mode == "none" || h-lastChange < every {
			continue
		}
		lastChange = h
		step++
		var txs []string
		switch mode {
		case "powers":
			i := r.Intn(len(nodes))
			if allowed(nodes[i].PubKey().Type()) {
				txs = append(txs, valTx(false, i, 8+r.Int63n(14), 0))
			}
		case "slide": // the window of active nodes moves by one: one enters, one leaves
			in, err := members(rpc, n)
			if err != nil {
				continue
			}
			count := 0
			for i := range in {
				if wasIn != nil && in[i] != wasIn[i] {
					turns[i]++
				}
				if in[i] {
					count++
				}
			}
			wasIn = in
			first := int(step) % len(nodes)
			for i := range nodes {
				want := (i-first+len(nodes))%len(nodes) < window
				// The application stops every node when somebody is removed who is not in the set, so nothing is sent
				// again before it is certain that it was lost: a change shows two blocks after its own.
				if want == in[i] || h < sentAt[i]+8 || !allowed(nodes[i].PubKey().Type()) {
					continue
				}
				power := int64(0)
				if want {
					power = 10 + int64(i%3)
				} else if count--; count < 3 {
					count++
					continue
				}
				txs = append(txs, valTx(false, i, power, turns[i]))
				sentAt[i] = h
			}
		case "churn": // keys without a node come and go with little power
			for k := 0; k < 2 && len(phantoms) > 0; k++ {
				i := r.Intn(len(phantoms))
				if !allowed(phantoms[i].PubKey().Type()) {
					continue
				}
				if on[i] {
					txs = append(txs, valTx(true, i, 0, 0))
				} else {
					txs = append(txs, valTx(true, i, 1+r.Int63n(2), 0))
				}
				on[i] = !on[i]
			}
		}
		for _, tx := range txs {
			if err := send(rpc, tx); err != nil {
				log.Println(err)
			}
		}
	}
}

// members says which nodes are in the newest validator set.
func members(rpc string, n *kit.Net) ([]bool, error) {
	_, body, err := kit.Get(rpc, "/validators?per_page=100")
	if err != nil {
		return nil, err
	}
	var r struct {
		Validators []struct {
			Address string `json:"address"`
		} `json:"validators"`
	}
	if err := kit.Result(body, &r); err != nil {
		return nil, err
	}
	in := make([]bool, len(n.Nodes))
	for i, node := range n.Nodes {
		for _, v := range r.Validators {
			in[i] = in[i] || v.Address == node.Address
		}
	}
	return in, nil
}

// record asks one node for everything a client may want in a range of heights.
func record(rpc string, from, to int64, out string, lean bool) {
	latest, err := kit.Height(rpc)
	must(err)
	if to == 0 || to > latest {
		to = latest - 1
	}
	l, err := kit.NewLog(out)
	must(err)
	ask := func(method string, kv ...string) string {
		uri := "/" + method
		e := kit.Exchange{Method: method}
		q := []string{}
		for i := 0; i < len(kv); i += 2 {
			if e.Params == nil {
				e.Params = map[string]string{}
			}
			e.Params[kv[i]] = strings.Trim(kv[i+1], `"`)
			q = append(q, kv[i]+"="+url.QueryEscape(kv[i+1]))
		}
		if len(q) > 0 {
			uri += "?" + strings.Join(q, "&")
		}
		e.URI = uri
		st, body, err := kit.Get(rpc, uri)
		must(err)
		e.Status, e.Body = st, body
		must(l.Add(e))
		return body
	}
	post := func(method, params string) {
		e := kit.Exchange{Method: method, Post: fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":%q,"params":%s}`, method, params)}
		st, body, err := kit.Post(rpc, []byte(e.Post))
		must(err)
		e.Status, e.Body = st, body
		must(l.Add(e))
	}
	str := func(v any) string { return fmt.Sprint(v) }
	ask("status")
	ask("genesis")
	pages := func(h int64, per int) {
		for page, seen := 1, 0; ; page++ {
			body := ask("validators", "height", str(h), "page", str(page), "per_page", str(per))
			var v struct {
				Count string `json:"count"`
				Total string `json:"total"`
			}
			if err := kit.Result(body, &v); err != nil {
				log.Fatal(err)
			}
			var c, t int
			fmt.Sscan(v.Count, &c)
			fmt.Sscan(v.Total, &t)
			if seen += c; seen >= t || c == 0 {
				return
			}
		}
	}
	lastTx, lastKey := "", "key1"
	for h := from; h <= to; h++ {
		ask("commit", "height", str(h))
		pages(h, 100)
		if lean {
			continue
		}
		ask("header", "height", str(h))
		block := ask("block", "height", str(h))
		ask("block_results", "height", str(h))
		if h%10 == 0 || h == from {
			ask("consensus_params", "height", str(h))
			pages(h, 3)
		}
		var b struct {
			BlockID struct {
				Hash string `json:"hash"`
			} `json:"block_id"`
			Block struct {
				Data struct {
					Txs []string `json:"txs"`
				} `json:"data"`
			} `json:"block"`
		}
		must(kit.Result(block, &b))
		for i, tx := range b.Block.Data.Txs {
			if i > 0 && h%7 != 0 {
				break
			}
			bz, err := base64.StdEncoding.DecodeString(tx)
			must(err)
			lastTx = fmt.Sprintf("0x%X", sum(bz))
			if k, _, ok := strings.Cut(string(bz), "="); ok && strings.HasPrefix(k, "key") {
				lastKey = k
			}
			ask("tx", "hash", lastTx, "prove", "true")
		}
		if h%7 == 0 {
			ask("tx_search", "query", fmt.Sprintf(`"tx.height=%d"`, h), "prove", "true", "page", "1", "per_page", "100", "order_by", `"asc"`)
		}
		if h%20 == 0 {
			ask("block_by_hash", "hash", "0x"+b.BlockID.Hash)
			ask("header_by_hash", "hash", "0x"+b.BlockID.Hash)
			lo := h - 4
			if lo < from {
				lo = from
			}
			ask("blockchain", "minHeight", str(lo), "maxHeight", str(h))
		}
	}
	if !lean {
		ask("validators", "height", str(to))
		for _, q := range [][]string{{"", lastKey}, {"/key", lastKey}, {"/store", lastKey}, {"", "absent"}, {"/val", "x"}} {
			ask("abci_query", "path", `"`+q[0]+`"`, "data", `"`+q[1]+`"`, "prove", "true")
			ask("abci_query", "path", `"`+q[0]+`"`, "data", fmt.Sprintf("0x%x", q[1]), "height", str(to-1), "prove", "false")
		}
		for _, m := range []string{"abci_info", "health", "net_info", "genesis_chunked", "num_unconfirmed_txs", "unconfirmed_txs", "consensus_state", "consensus_params", "commit", "validators", "block", "block_results", "header", "status"} {
			ask(m)
		}
		ask("genesis_chunked", "chunk", "0")
		ask("block_search", "query", fmt.Sprintf(`"block.height>%d"`, to-3), "page", "1", "per_page", "5", "order_by", `"desc"`)
		if lastTx != "" {
			ask("tx", "hash", lastTx)
		}
		// what goes wrong, as the node says it
		ask("commit", "height", str(to+100000))
		ask("commit", "height", "0")
		ask("commit", "height", "-3")
		ask("commit", "height", "seven")
		ask("commit", "height", `"5"`)
		ask("validators", "height", str(to), "page", "99", "per_page", "100")
		ask("validators", "height", str(to), "page", "1", "per_page", "1000")
		ask("validators", "height", str(to+100000))
		ask("block", "height", str(to+100000))
		ask("block_results", "height", str(to+100000))
		ask("header", "height", str(to+100000))
		ask("block_by_hash", "hash", "0x00")
		ask("tx", "hash", "0x"+strings.Repeat("00", 32), "prove", "true")
		ask("tx_search", "query", `"nonsense"`)
		ask("broadcast_evidence")
		ask("no_such_method")
		ask("commit", "height", str(to), "surplus", "1")
		h := str(to)
		post("commit", `{"height":"`+h+`"}`)
		post("commit", `{"height":`+h+`}`)
		post("commit", `["`+h+`"]`)
		post("commit", `{}`)
		post("validators", `{"height":"`+h+`","page":"1","per_page":"100"}`)
		post("validators", `{"height":"`+h+`","page":1,"per_page":2}`)
		post("status", `{}`)
		post("block", `{"height":"`+h+`"}`)
		post("tx", `{"hash":"`+b64hex(lastTx)+`","prove":true}`)
		post("abci_query", `{"path":"","data":"`+fmt.Sprintf("%x", lastKey)+`","height":"0","prove":true}`)
		post("no_such_method", `{}`)
		post("commit", `{"height":"999999999"}`)
		e := kit.Exchange{Method: "batch", Post: `[{"jsonrpc":"2.0","id":1,"method":"commit","params":{"height":"` + h + `"}},{"jsonrpc":"2.0","id":2,"method":"validators","params":{"height":"` + h + `"}}]`}
		st, body, err := kit.Post(rpc, []byte(e.Post))
		must(err)
		e.Status, e.Body = st, body
		must(l.Add(e))
		for _, bad := range []string{`{`, ``, `{"jsonrpc":"2.0","id":3}`, `{"jsonrpc":"2.0","method":"status"}`} {
			e := kit.Exchange{Method: "malformed", Post: bad}
			st, body, err := kit.Post(rpc, []byte(bad))
			must(err)
			e.Status, e.Body = st, body
			must(l.Add(e))
		}
	}
	must(l.Close())
	fmt.Printf("heights %d..%d recorded\n", from, to)
}

func b64hex(h string) string {
	var bz []byte
	fmt.Sscanf(strings.TrimPrefix(h, "0x"), "%x", &bz)
	return base64.StdEncoding.EncodeToString(bz)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
