package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// List finds the logs that there are, of whatever ran at any time.
func List(dir string) ([]Followed, error) {
	projects, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []Followed
	for _, project := range projects {
		if !project.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(dir, project.Name()))
		if err != nil {
			return found, err
		}
		for _, file := range files {
			if service, ok := strings.CutSuffix(file.Name(), ".log"); ok {
				found = append(found, Followed{Project: project.Name(), Service: service})
			}
		}
	}
	return found, nil
}
