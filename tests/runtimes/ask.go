package main

import (
	"fmt"
	"net/http"
	"time"
)

func main() {
	if answer, err := http.Get("https://api.aimlapi.com/v1/models"); err == nil {
		fmt.Println(answer.StatusCode)
	}
	if _, err := http.Get("https://example.com"); err != nil {
		fmt.Println("refused")
	}
	time.Sleep(4 * time.Second)
}
