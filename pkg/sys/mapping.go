package sys

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Words is a file seen as numbers in memory. What is stored there outlives the
// process at once, however it ends; use sync/atomic, which keeps the order.
type Words []uint64

// MapWords maps the first count words of a file, which must be that long and
// must not become shorter: touching what is beyond its end is fatal (SIGBUS).
func MapWords(file *os.File, count int) (Words, error) {
	bytes, err := retryValue("mmap", func() ([]byte, error) {
		return unix.Mmap(int(file.Fd()), 0, count*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	})
	if err != nil {
		return nil, err
	}
	// A mapping begins at a page, so it is aligned.
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(bytes))), count), nil
}

// Unmap ends the mapping. Nobody may use it afterwards.
func (w Words) Unmap() error {
	if len(w) == 0 {
		return nil
	}
	return retry("munmap", func() error {
		return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(w)), uintptr(len(w)*8))
	})
}
