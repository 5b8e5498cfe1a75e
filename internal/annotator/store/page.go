//go:build unix

package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// An image reads the pages of a file of bbolt without trusting any of them. bbolt itself
// maps the file into memory and panics where it makes no sense.
//
// The layout is that of go.etcd.io/bbolt/internal/common (page.go, meta.go, bucket.go), in
// the byte order of the machine. Page 0 and 1 are metas; the valid one with the greater
// transaction counts.
type image struct {
	file io.ReaderAt
	meta meta
	// used holds the pages that were reached.
	used map[uint64]bool
}

// A meta says where everything is.
type meta struct {
	pageSize uint32
	root     uint64 // page of the bucket of buckets
	freelist uint64 // page, or noFreelist
	pages    uint64 // all pages are below
	tx       uint64
}

const (
	pageHeaderBytes = 16
	elementBytes    = 16 // of a leaf as of a branch
	bucketBytes     = 16 // in front of the page of a bucket that is inline
	metaBytes       = 64
	metaMagic       = 0xED0CDAED
	metaVersion     = 2
	noFreelist      = ^uint64(0)

	branchFlag   = 0x01
	leafFlag     = 0x02
	freelistFlag = 0x10
	// bucketElement marks an element of a leaf that is a bucket.
	bucketElement = 0x01

	// deepest is the height of a tree of 2-byte keys that fills the address space of 48
	// bits; one that is higher runs in a circle.
	deepest = 48
)

var order = binary.NativeEndian

// readMetas returns the valid metas of a file, the newest first.
func readMetas(file io.ReaderAt) (metas []meta) {
	second := int64(0)
	if first, ok := readMeta(file, 0); ok {
		metas = append(metas, first)
		second = int64(first.pageSize)
	}
	// If the first is damaged, the second shows by being where its page size says.
	for size := int64(1024); size <= 1<<16; size <<= 1 {
		m, ok := readMeta(file, size)
		if ok && (second == 0 || second == size) && int64(m.pageSize) == size {
			metas = append(metas, m)
			break
		}
	}
	if len(metas) == 2 && metas[0].tx < metas[1].tx {
		metas[0], metas[1] = metas[1], metas[0]
	}
	return metas
}

func readMeta(file io.ReaderAt, at int64) (meta, bool) {
	var b [metaBytes]byte
	if _, err := file.ReadAt(b[:], at+pageHeaderBytes); err != nil {
		return meta{}, false
	}
	h := fnv.New64a()
	h.Write(b[:metaBytes-8])
	m := meta{
		pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]),
		freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), tx: order.Uint64(b[48:]),
	}
	ok := order.Uint32(b[:]) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[56:]) == h.Sum64()
	return m, ok && m.pageSize >= 1024 && m.pageSize <= 1<<16
}

// A page is one with those that continue it.
type page struct {
	flags  uint16
	count  int
	data   []byte // with its header
	inline bool   // it is the value of the bucket that it is
}

// read reads a page that was not reached before.
func (im *image) read(id uint64) (page, error) {
	size := uint64(im.meta.pageSize)
	if id < 2 || id >= im.meta.pages {
		return page{}, fmt.Errorf("page %d is none of %d", id, im.meta.pages)
	}
	var head [pageHeaderBytes]byte
	if _, err := im.file.ReadAt(head[:], int64(id*size)); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	overflow := uint64(order.Uint32(head[12:]))
	if named := order.Uint64(head[:]); named != id || overflow >= im.meta.pages-id {
		return page{}, fmt.Errorf("page %d calls itself %d and goes on for %d pages", id, named, overflow)
	}
	for i := range overflow + 1 {
		if im.used[id+i] {
			return page{}, fmt.Errorf("page %d is in two places", id+i)
		}
		im.used[id+i] = true
	}
	p := page{flags: order.Uint16(head[8:]), count: int(order.Uint16(head[10:])), data: make([]byte, (overflow+1)*size)}
	if _, err := im.file.ReadAt(p.data, int64(id*size)); err != nil {
		return page{}, fmt.Errorf("page %d: %w", id, err)
	}
	return p, nil
}

// An element is one of a leaf, or one of a branch, whose value is empty.
type element struct {
	key, value []byte
	at         uint64 // where the key begins, in the page
	bucket     bool
	child      uint64
}

func (p page) element(i int) (element, error) {
	at := pageHeaderBytes + i*elementBytes
	if at+elementBytes > len(p.data) {
		return element{}, fmt.Errorf("element %d is outside", i)
	}
	var e element
	h := p.data[at:]
	var position, keySize, valueSize uint64
	if p.flags == branchFlag {
		position, keySize, e.child = uint64(order.Uint32(h)), uint64(order.Uint32(h[4:])), order.Uint64(h[8:])
	} else {
		e.bucket = order.Uint32(h)&bucketElement != 0
		position, keySize, valueSize = uint64(order.Uint32(h[4:])), uint64(order.Uint32(h[8:])), uint64(order.Uint32(h[12:]))
	}
	if position+keySize+valueSize > uint64(len(h)) {
		return element{}, fmt.Errorf("element %d is outside", i)
	}
	e.at = uint64(at) + position
	e.key = h[position : position+keySize]
	e.value = h[position+keySize : position+keySize+valueSize]
	return e, nil
}

// gapless tells whether each element has its data right behind that of the one before, and
// the first one behind the heads of all, as bbolt writes them (WriteInodeToPage). Else a page
// that says that it has fewer elements than it has would hide the others.
func (p page) gapless() error {
	next := uint64(pageHeaderBytes + p.count*elementBytes)
	for i := range p.count {
		e, err := p.element(i)
		if err != nil {
			return err
		}
		if e.at != next {
			return fmt.Errorf("element %d is at %d, the one before ends at %d", i, e.at, next)
		}
		next += uint64(len(e.key) + len(e.value))
	}
	switch {
	case p.inline && next != uint64(len(p.data)):
		return fmt.Errorf("its %d elements end at %d of %d", p.count, next, len(p.data))
	case !p.inline && p.count == 0:
		return errors.New("it is empty, and nothing empty has a page of its own")
	}
	return nil
}

// visitor gets the elements of leaves. It may return an error, which is a fault of the file.
type visitor func(e element) error

// A span is of keys: from low, which is the first one, to below high; nil if nobody says. A
// branch says so of its children. A key outside is there and is not found by who looks for it;
// and where low is not the first, bbolt writes the page twice (node.spill) and panics later.
type span struct{ low, high []byte }

func (s span) holds(key []byte, first bool) bool {
	return (s.low == nil || !first || bytes.Equal(key, s.low)) && (s.high == nil || bytes.Compare(key, s.high) < 0)
}

// walk visits the leaves below a page in the order of their keys. Each fault goes to found,
// which returns false to stop.
func (im *image) walk(id uint64, visit visitor, found func(error) bool) bool {
	return im.below(id, 0, span{}, visit, found)
}

func (im *image) below(id uint64, depth int, keys span, visit visitor, found func(error) bool) bool {
	p, err := im.read(id)
	if err == nil && depth > deepest {
		err = fmt.Errorf("page %d is too deep", id)
	}
	if err != nil {
		return found(err)
	}
	return im.elements(p, fmt.Sprintf("page %d", id), depth, keys, visit, found)
}

func (im *image) elements(p page, name string, depth int, keys span, visit visitor, found func(error) bool) bool {
	if p.flags != branchFlag && p.flags != leafFlag {
		return found(fmt.Errorf("%s has flags %#x", name, p.flags))
	}
	if err := p.gapless(); err != nil && !found(fmt.Errorf("%s: %w", name, err)) {
		return false
	}
	var last []byte
	for i := range p.count {
		e, err := p.element(i)
		if err != nil {
			if !found(fmt.Errorf("%s: %w", name, err)) {
				return false
			}
			continue
		}
		// What is in the wrong place may be sound: who salvages goes on with it.
		if i > 0 && bytes.Compare(last, e.key) >= 0 || !keys.holds(e.key, i == 0) {
			if !found(fmt.Errorf("%s: element %d is out of order", name, i)) {
				return false
			}
		}
		last = e.key
		if p.flags == branchFlag {
			child := span{e.key, keys.high}
			if next, err := p.element(i + 1); err == nil && i+1 < p.count {
				child.high = next.key
			}
			if !im.below(e.child, depth+1, child, visit, found) {
				return false
			}
			continue
		}
		if err := visit(e); err != nil && !found(fmt.Errorf("%s: %w", name, err)) {
			return false
		}
	}
	return true
}

// walkBucket visits what is in a bucket, given its element.
func (im *image) walkBucket(e element, visit visitor, found func(error) bool) bool {
	if len(e.value) < bucketBytes {
		return found(fmt.Errorf("bucket %.40q has no head", e.key))
	}
	if root := order.Uint64(e.value); root != 0 {
		return im.walk(root, visit, found)
	}
	inline := e.value[bucketBytes:]
	if len(inline) < pageHeaderBytes {
		return found(fmt.Errorf("bucket %.40q has no page", e.key))
	}
	p := page{flags: order.Uint16(inline[8:]), count: int(order.Uint16(inline[10:])), data: inline, inline: true}
	if p.flags == branchFlag {
		return found(fmt.Errorf("bucket %.40q is inline and has branches", e.key))
	}
	return im.elements(p, fmt.Sprintf("bucket %s", e.key), 0, span{}, visit, found)
}

// free returns how many pages are free, and checks that none of them is used.
func (im *image) free() (int, error) {
	if im.meta.freelist == noFreelist {
		return 0, nil
	}
	p, err := im.read(im.meta.freelist)
	if err != nil {
		return 0, fmt.Errorf("freelist: %w", err)
	}
	if p.flags != freelistFlag {
		return 0, fmt.Errorf("freelist has flags %#x", p.flags)
	}
	ids, count := p.data[pageHeaderBytes:], uint64(p.count)
	if count == 0xFFFF { // then it is in front of the list
		count, ids = order.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return 0, fmt.Errorf("freelist of %d pages is longer than its page", count)
	}
	for i := range count {
		id := order.Uint64(ids[8*i:])
		if id < 2 || id >= im.meta.pages || im.used[id] {
			return 0, fmt.Errorf("page %d is free and is not", id)
		}
		im.used[id] = true
	}
	return int(count), nil
}
