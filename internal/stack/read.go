package stack

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// chunk is how many entries are read from a map at a time; it bounds the memory of
// a scrape on hosts with many CPUs.
const chunk = 64

// sumArray calls add for each entry and CPU of a per-CPU array that is not all zero.
func sumArray[V comparable](m *ebpf.Map, add func(index int, v *V)) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	var (
		zero   V
		cursor ebpf.MapBatchCursor
		keys   = make([]uint32, chunk)
		values = make([]V, chunk*cpus)
	)
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read map %q: %w", name(m), err)
		}
		for i := range n * cpus {
			if values[i] != zero {
				add(int(keys[i/cpus]), &values[i])
			}
		}
		if err != nil {
			return nil
		}
	}
}

// sumHash calls add for each entry and CPU of a per-CPU hash.
func sumHash[K, V any](m *ebpf.Map, add func(K, *V)) error {
	keys, err := keysOf[K](m)
	if err != nil {
		return err
	}
	var values []V
	for _, k := range keys {
		err := m.Lookup(k, &values)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read map %q: %w", name(m), err)
		}
		for i := range values {
			add(k, &values[i])
		}
	}
	return nil
}

// keysOf returns the keys of a map. Keys that come or go meanwhile may be missing.
func keysOf[K any](m *ebpf.Map) ([]K, error) {
	var keys []K
	var key, next K
	err := m.NextKey(nil, &next)
	for ; err == nil && len(keys) < int(m.MaxEntries()); err = m.NextKey(key, &next) {
		key = next
		keys = append(keys, key)
	}
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, fmt.Errorf("list map %q: %w", name(m), err)
	}
	return keys, nil
}

// countKeys returns how many keys a map has, whatever their type.
func countKeys(m *ebpf.Map) (int, error) {
	n := 0
	key, err := m.NextKeyBytes(nil)
	for ; err == nil && key != nil && n < int(m.MaxEntries()); key, err = m.NextKeyBytes(key) {
		n++
	}
	if err != nil {
		return 0, fmt.Errorf("list map %q: %w", name(m), err)
	}
	return n, nil
}

func name(m *ebpf.Map) string {
	if info, err := m.Info(); err == nil {
		return info.Name
	}
	return m.Type().String()
}
