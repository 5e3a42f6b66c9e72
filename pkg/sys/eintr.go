package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// retry repeats call while a signal interrupts it, and names it in the error.
func retry(name string, call func() error) error {
	for {
		err := call()
		if err == unix.EINTR {
			continue
		}
		return os.NewSyscallError(name, err)
	}
}

// retryValue is retry for a call with a result.
func retryValue[T any](name string, call func() (T, error)) (T, error) {
	for {
		value, err := call()
		if err == unix.EINTR {
			continue
		}
		return value, os.NewSyscallError(name, err)
	}
}
