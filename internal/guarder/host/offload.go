//go:build linux

package host

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands and flags of ethtool.h. The old command for flags is understood by every
// driver, as the kernel answers it itself from the features of the device.
const (
	getFlags   = 0x25 // ETHTOOL_GFLAGS
	flagRxVLAN = 1 << 8
	flagLRO    = 1 << 15
)

// value is struct ethtool_value.
type value struct{ command, data uint32 }

// request is struct ifreq with a pointer: the name, and a union of 24 bytes.
type request struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// readOffloads asks ethtool for the driver and what the card does before XDP.
func readOffloads(d *Device) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		for _, fact := range []Fact{Driver, RxVLAN, LRO} {
			miss(&d.Unknown, fact, fmt.Sprintf("open socket: %v", err))
		}
		return
	}
	defer unix.Close(fd)
	switch info, err := unix.IoctlGetEthtoolDrvinfo(fd, d.Name); {
	case err == nil:
		d.Driver = unix.ByteSliceToString(info.Driver[:])
	case !errors.Is(err, unix.EOPNOTSUPP): // such as lo
		miss(&d.Unknown, Driver, fmt.Sprintf("ethtool %q: %v", d.Name, err))
	}
	flags, err := ethtoolFlags(fd, d.Name)
	if err != nil {
		miss(&d.Unknown, RxVLAN, fmt.Sprintf("ethtool %q: %v", d.Name, err))
		miss(&d.Unknown, LRO, fmt.Sprintf("ethtool %q: %v", d.Name, err))
		return
	}
	d.RxVLAN, d.LRO = flags&flagRxVLAN != 0, flags&flagLRO != 0
}

func ethtoolFlags(fd int, device string) (uint32, error) {
	v := value{command: getFlags}
	r := request{data: unsafe.Pointer(&v)}
	if len(device) >= len(r.name) {
		return 0, unix.EINVAL
	}
	copy(r.name[:], device)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return 0, errno
	}
	return v.data, nil
}
