package link

import "os"

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func closeLanes(lanes []*lane) {
	for _, l := range lanes {
		l.bell.close()
	}
}
