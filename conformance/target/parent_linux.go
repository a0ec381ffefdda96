package target

import "syscall"

// bindToParent has the kernel end the receiver should hookcheck itself be killed.
func bindToParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
