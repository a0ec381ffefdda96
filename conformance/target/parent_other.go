//go:build !linux

package target

import "syscall"

// bindToParent does nothing: only Linux can tie a child's life to its parent's.
func bindToParent(*syscall.SysProcAttr) {}
