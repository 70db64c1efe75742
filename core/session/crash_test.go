package session

func crash(string) {}
