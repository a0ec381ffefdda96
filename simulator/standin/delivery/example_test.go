package delivery_test

import (
	"fmt"

	"github.com/moncreneau/hookcheck/simulator/standin/delivery"
)

func ExampleParseSchedule() {
	for _, text := range []string{"guide", "svix", "1s,1m,1h", "often"} {
		schedule, err := delivery.ParseSchedule(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(schedule)
	}
	// Output:
	// 2s, 4s, 8s
	// 5s, 5m, 30m, 2h, 5h, 10h, 10h
	// 1s, 1m, 1h
	// retry schedule "often": "often" is neither a duration nor the name of a schedule: want guide, standard-webhooks, svix, none, or a list such as 2s,4s,8s
}
