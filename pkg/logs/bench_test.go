package logs

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"systemg.org/sysg/pkg/generation"
)

// BenchmarkCapture writes lines in blocks of 64 KiB into a pipe, as a busy
// service does, and counts the bytes that it wrote until they are in the file.
// Compare BenchmarkPipe, in which nothing is done with them.
func BenchmarkCapture(b *testing.B) {
	for _, size := range []int{20, 100, 1000} {
		b.Run(itoa(size)+"-byte lines", func(b *testing.B) {
			dir, err := os.MkdirTemp("/dev/shm", "sysg-logs") // tmpfs
			if err != nil {
				b.Fatal(err)
			}
			defer os.RemoveAll(dir)
			benchmark(b, dir, size, generation.Logs{Sink: generation.SinkFile, MaxBytes: 10 << 20, MaxFiles: 5})
		})
	}
}

func BenchmarkPipe(b *testing.B) {
	benchmark(b, b.TempDir(), 100, generation.Logs{Sink: generation.SinkNone})
}

func benchmark(b *testing.B, dir string, size int, policy generation.Logs) {
	drained := make(chan Drained)
	c, err := New(Options{Dir: dir + "/logs", Spool: dir + "/spool", Drained: func(d Drained) { drained <- d }})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	c.Attach(Source{Project: "p", Service: "s", Stream: Stdout, Pipe: reader, Policy: policy})
	block := bytes.Repeat(append(bytes.Repeat([]byte{'x'}, size-1), '\n'), 64<<10/size)
	fd := int(writer.Fd()) // Blocking from here on, as a service's is.
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if n, err := syscall.Write(fd, block); n != len(block) {
			b.Fatal(n, err)
		}
	}
	writer.Close()
	if d := <-drained; d.Err != nil {
		b.Fatal(d.Err)
	}
}
