// Reads a log with golang.org/x/mod/sumdb, the code that reads Go's own checksum database, and prints the
// proofs it makes from the tiles.
//
//	log_reader <vkey> <cosigner's vkey> <checkpoint file> <address below which the tiles are> < questions
//
// Each line of input is a question, and its answer is a line of output, all hashes in base64:
//
//	record <index> <entry>    the hashes of the inclusion proof
//	tree <size> <root>        the hashes of the consistency proof from this older state
//
// The first line of output is the time of the cosignature. As soon as something is not proved, the program says
// on standard error which step failed, and ends with 1.
package main

import (
	"bufio"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	log.SetFlags(0)
	transport := &http.Transport{}
	transport.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	tree := openCheckpoint(os.Args[1], os.Args[2], os.Args[3])
	hashes := tlog.TileHashReader(tree, tiles{os.Args[4], http.Client{Transport: transport}})
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		question := strings.SplitN(questions.Text(), " ", 3)
		number, err := strconv.ParseInt(question[1], 10, 64)
		check("question", err)
		var proof []tlog.Hash
		if question[0] == "record" {
			proof, err = tlog.ProveRecord(tree.N, number, hashes)
			check("tiles", err)
			check("record", tlog.CheckRecord(proof, tree.N, tree.Hash, number, tlog.RecordHash([]byte(question[2]))))
		} else {
			root, err := tlog.ParseHash(question[2])
			check("question", err)
			proof, err = tlog.ProveTree(tree.N, number, hashes)
			check("tiles", err)
			check("tree", tlog.CheckTree(proof, tree.N, tree.Hash, number, root))
		}
		fmt.Println(strings.Trim(fmt.Sprint(proof), "[]"))
	}
	check("question", questions.Err())
}

// openCheckpoint is the tree in a checkpoint that was signed and cosigned.
func openCheckpoint(logKey, cosignerKey, file string) tlog.Tree {
	key, err := note.NewVerifier(logKey)
	check("key", err)
	cosigner := newCosigner(cosignerKey)
	data, err := os.ReadFile(file)
	check("checkpoint", err)
	opened, err := note.Open(data, note.VerifierList(key, cosigner))
	check("checkpoint", err)
	if len(opened.Sigs) != 2 {
		log.Fatal("checkpoint: not signed by both keys")
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() {
		log.Fatal("checkpoint: not of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check("checkpoint", err)
	root, err := tlog.ParseHash(lines[2])
	check("checkpoint", err)
	fmt.Println(cosigner.time)
	return tlog.Tree{N: size, Hash: root}
}

// cosigner opens the dated signatures of C2SP tlog-cosignature, which x/mod does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	time uint64
}

func newCosigner(vkey string) *cosigner {
	parts := strings.SplitN(vkey, "+", 3)
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	check("key", err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check("key", err)
	return &cosigner{name: parts[0], hash: uint32(hash), key: key[1:]}
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	c.time = binary.BigEndian.Uint64(signature)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", c.time, text)
	return ed25519.Verify(c.key, []byte(message), signature[8:])
}

// tiles reads the tiles of a log that has them where C2SP tlog-tiles puts them.
type tiles struct {
	address string
	client  http.Client
}

func (t tiles) Height() int                         { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		// x/mod names the height in the path; there is only one in C2SP tlog-tiles.
		answer, err := t.client.Get(t.address + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s %v", tile.Path(), answer.Status, err)
		}
		found = append(found, data)
	}
	return found, nil
}

func check(step string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", step, err)
	}
}
