"""The hub: joins the services an MSP bills with."""
