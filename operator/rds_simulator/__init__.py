"""
A stand-in for the ApsaraDB RDS API, for tests, demonstrations and users without an account.

It knows the operations around ModifyDBInstanceSSL, as far as they are documented, and takes the
less convenient side wherever the documents are silent; `config` lists those questions. Beside it
stand STS and the metadata service of ECS, for those who come without an access key.

::

    cli, server      the program ``rds-simulator``: HTTP around ...
    cloud            ... one request and the time give one answer
      call, signatures, accounts     who calls, and may they?
      sts, oidc, ram_policy          sessions, tokens, and what policies say
      ecs_metadata                   the credentials of a machine's role
      operations, validation, wire   what they ask for, and the answer in each engine's words
      machine                        one instance: state, command and time give a new state
      profiles                       kinds of instances
      certificates, private_keys, pem    the cloud's CA, and what customers send
      faults, ledger, config, clock  what tests turn and read ...
      admin, admin_identities        ... by JSON under ``/_sim``
    world            all of that state, in memory
"""
