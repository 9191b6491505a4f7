"""The first lab file: the network of Alibaba Cloud's document, for a person to change."""

from __future__ import annotations

FIRST = """\
# A lab file: two clouds, and who is to reach whom. Change it as you like, then
#
#     saglab check lab.yaml     judges every expectation in memory, and explains what is not met
#     saglab run lab.yaml       builds the network, sends the packets, and compares
#     saglab up lab.yaml        leaves it up: saglab ping, trace, call, shell …
#
# This is the network of the document "Connect AWS to Alibaba Cloud through SAG vCPE"; numbers are its steps.
description: a host in AWS and a host in Alibaba Cloud, joined by a SAG vCPE

aws:
  vpcs:
    aws:
      cidr_block: 10.0.0.0/16
      subnets:
        app: 10.0.1.0/24
        vcpe: {cidr_block: 10.0.2.0/24, route_table: public}
      route_tables:                     # destination: an instance, a network interface or internet_gateway
        main: {192.168.0.0/16: vcpe}    # 4.2  what is for Alibaba Cloud goes to the vCPE
        public: {0.0.0.0/0: internet_gateway}
      security_groups:
        app:
          description: the workload
          ingress:
            - tcp 22 from 10.0.0.0/16
            - all from 192.168.0.0/16   # 4.3
        vcpe:
          description: the gateway
          ingress:                      # 2.4
            - all from 10.0.0.0/16
            - all from 192.168.0.0/16
      instances:
        app: {subnet: app, private_ip_address: 10.0.1.10, security_groups: [app]}
        # A gateway runs on this machine (below). So it boots from the SAG vCPE image with the device's serial number and
        # key, has a public address (2.1 to 2.3), and no source/destination check (2.5): source_dest_check: true turns it on.
        vcpe: {subnet: vcpe, private_ip_address: 10.0.2.10, security_groups: [vcpe]}

alibaba:
  vpcs:
    alibaba:
      cidr_block: 192.168.0.0/16
      v_switches: {ecs: 192.168.1.0/24}
      security_groups:
        ecs:
          ingress: [all from 10.0.0.0/16]   # 3.3.5
      instances:
        ecs: {private_ip_address: 192.168.1.10, security_groups: [ecs]}

  smart_access_gateways:
    vcpe-singapore:                     # 1    bought and activated
      runs_on: vcpe
      cidr_blocks: [10.0.0.0/16]        # 3.1  the networks behind it; by default those of its machines
      cloud_connect_network: ccn-singapore   # 3.2
  cloud_connect_networks:
    ccn-singapore: {region: ap-southeast-1}
  cens:
    hybrid: [ccn-singapore, alibaba]    # 3.3, 3.3.4  what it joins

expect:
  - app reaches ecs through vcpe, ccn-singapore, hybrid
  - ecs reaches app
  - ecs reaches app on tcp 443
  - vcpe reaches ecs within 5 s
"""
