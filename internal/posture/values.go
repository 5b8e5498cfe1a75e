package posture

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// values reads settings for one check. After the first error it reads 0, so that a
// check need not look at each.
type values struct {
	root fs.FS
	// conf is the folder of settings by device, "net/ipv4/conf", and device the one
	// that is asked about; both are empty for a check of the whole.
	conf, device string
	err          error
}

// whole returns the setting in a file below /proc/sys.
func (v *values) whole(path string) int {
	if v.err != nil {
		return 0
	}
	n, err := readNumber(v.root, path)
	v.err = err
	return n
}

func readNumber(root fs.FS, path string) (int, error) {
	data, err := fs.ReadFile(root, "proc/sys/"+path)
	if err != nil {
		if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
			err = cause.Err
		}
		return 0, fmt.Errorf("read /proc/sys/%s: %w", path, err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("read /proc/sys/%s: %w", path, err)
	}
	return n, nil
}

// own returns the setting of the device alone.
func (v *values) own(name string) int { return v.whole(v.conf + "/" + v.device + "/" + name) }

// optional is own, or 0 if this kernel does not have the setting.
func (v *values) optional(name string) int {
	if v.err != nil {
		return 0
	}
	n := v.own(name)
	if errors.Is(v.err, fs.ErrNotExist) {
		v.err = nil
	}
	return n
}

// all returns the setting that is for all devices.
func (v *values) all(name string) int { return v.whole(v.conf + "/all/" + name) }

// and, or and max combine both as IN_DEV_ANDCONF, IN_DEV_ORCONF and IN_DEV_MAXCONF do
// (include/linux/inetdevice.h).
func (v *values) and(name string) int { return truth(v.all(name) != 0 && v.own(name) != 0) }
func (v *values) or(name string) int  { return truth(v.all(name) != 0 || v.own(name) != 0) }
func (v *values) max(name string) int { return max(v.all(name), v.own(name)) }

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
