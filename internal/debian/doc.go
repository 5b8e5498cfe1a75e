// Package debian gets programs and kernels out of Debian's packages for tests, and
// installs nothing: a package is unpacked into a cache folder, so that no service of
// it starts and the machine stays as it is.
//
//	cache, err := debian.CacheDir()
//	root, err := debian.Unpack(ctx, cache, "prometheus")
//	cmd := exec.Command(filepath.Join(root, "usr/bin/prometheus"))
//
// It takes apt-get, apt-cache and dpkg-deb, and root only if the lists of packages
// have never been updated.
package debian
