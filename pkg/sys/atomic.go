package sys

import (
	"fmt"
	"os"
	"path/filepath"
)

// TempPrefix begins the name of every file that WriteFileAtomic has not
// finished. One that a crash left behind is garbage.
const TempPrefix = ".tmp-"

// WriteFileAtomic makes path a file with this content and mode. Whoever reads
// it, or finds it after a crash or power loss, sees the old content or the new,
// whole. When it returns nil, the new content is on disk.
func WriteFileAtomic(path string, content []byte, mode os.FileMode) error {
	if err := replaceFile(path, content, mode); err != nil {
		return fmt.Errorf("cannot write %q: %w", path, err)
	}
	return nil
}

func replaceFile(path string, content []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, TempPrefix)
	if err != nil {
		return err
	}
	err = writeSynced(file, content, mode)
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	// The rename is an entry in the folder, which has to reach the disk too.
	return SyncDir(dir)
}

// writeSynced fills, syncs and closes file.
func writeSynced(file *os.File, content []byte, mode os.FileMode) error {
	_, err := file.Write(content)
	if err == nil {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// SyncDir writes the names in dir to disk (fsync(2)).
func SyncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
