package session

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// envCrash names the directory of the store that this process fills until it is killed.
const envCrash = "KAKEYAD_TEST_SESSION_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrash); dir != "" {
		crash(dir)
	}
	goleak.VerifyTestMain(m)
}
