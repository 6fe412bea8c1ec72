"""Names of PostgreSQL's own that a statement may use and still only read.

Allow-lists, not deny-lists: what is not here is not proven harmless. Of a listed function every
overload in `pg_catalog` is immutable or stable, or it is one of `VOLATILE`, which change nothing
(`tests/agents/database/test_sqlwords.py` asks a server).
"""

from __future__ import annotations

import re

_TEXT = """
ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert
convert_from convert_to decode encode format initcap is_normalized left length like_escape lower
lpad ltrim md5 normalize octet_length overlay parse_ident position quote_ident quote_literal
quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim
sha224 sha256 sha384 sha512 similar_escape similar_to_escape split_part starts_with strpos substr
substring to_ascii to_char to_date to_hex to_number to_oct to_timestamp translate unistr upper
string_to_array string_to_table get_bit get_byte set_bit set_byte bit_count crc32 crc32c
"""
_NUMBERS = """
abs acos acosd asin asind atan atan2 atan2d atand cbrt ceil ceiling cos cosd cot cotd degrees div
erf erfc exp factorial floor gamma gcd lcm lgamma ln log log10 min_scale mod numeric pi pow power
radians round scale sign sin sind sqrt tan tand trim_scale trunc width_bucket
float4 float8 int2 int4 int8 bool text varchar bpchar char
"""
_TIME = """
age date date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz
now overlaps statement_timestamp time timestamp timestamptz timezone transaction_timestamp
"""
_COLLECTIONS = """
array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
array_positions array_prepend array_remove array_replace array_reverse array_sort array_to_json
array_to_string array_upper cardinality trim_array unnest generate_series generate_subscripts
json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
json_each json_each_text json_extract_path json_extract_path_text json_object json_object_keys
json_populate_record json_populate_recordset json_strip_nulls json_to_record json_to_recordset
json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array
jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text
jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_populate_recordset
jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset
jsonb_typeof row_to_json to_json to_jsonb isempty lower_inc lower_inf upper_inc upper_inf
range_merge int4range int8range numrange tsrange tstzrange daterange enum_first enum_last enum_range
num_nonnulls num_nulls
"""
_AGGREGATES = """
any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp
cume_dist dense_rank every first_value json_agg json_object_agg jsonb_agg jsonb_object_agg lag
last_value lead max min mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg
rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
row_number stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance
"""
_SEARCH_AND_NETWORK = """
plainto_tsquery phraseto_tsquery to_tsquery to_tsvector ts_headline ts_rank ts_rank_cd
websearch_to_tsquery abbrev broadcast family host hostmask inet_merge inet_same_family masklen
netmask network set_masklen uuid_extract_timestamp uuid_extract_version
"""
_SERVER = """
col_description current_database current_schema current_schemas current_setting
current_user format_type getdatabaseencoding has_any_column_privilege has_column_privilege
has_database_privilege has_function_privilege has_schema_privilege has_sequence_privilege
has_table_privilege has_tablespace_privilege has_type_privilege inet_client_addr inet_client_port
inet_server_addr inet_server_port mxid_age obj_description pg_backend_pid pg_char_to_encoding
pg_client_encoding pg_collation_for pg_column_compression pg_column_size pg_conf_load_time
pg_current_snapshot pg_current_xact_id_if_assigned pg_describe_object pg_encoding_to_char
pg_filenode_relation pg_function_is_visible pg_get_constraintdef pg_get_expr
pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partition_constraintdef pg_get_partkeydef
pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_triggerdef pg_get_userbyid
pg_get_viewdef pg_has_role pg_identify_object pg_index_column_has_property pg_index_has_property
pg_input_is_valid pg_postmaster_start_time pg_relation_filenode pg_relation_filepath
pg_sequence_parameters pg_size_bytes pg_size_pretty pg_table_is_visible pg_tablespace_location
pg_type_is_visible pg_typeof pg_wal_lsn_diff pg_walfile_name pg_walfile_name_offset
row_security_active session_user shobj_description to_regclass to_regnamespace to_regproc
to_regprocedure to_regrole to_regtype version pg_partition_root
"""
_VOLATILE = """
clock_timestamp timeofday random gen_random_uuid uuidv4 uuidv7 pg_blocking_pids
pg_safe_snapshot_blocking_pids pg_database_size pg_indexes_size pg_relation_size pg_table_size
pg_tablespace_size pg_total_relation_size pg_is_in_recovery pg_is_wal_replay_paused
pg_get_wal_replay_pause_state pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_xact_status
txid_status pg_partition_ancestors pg_partition_tree pg_sequence_last_value
pg_notification_queue_usage pg_jit_available pg_collation_actual_version
pg_database_collation_actual_version current_query
"""
VOLATILE = frozenset(_VOLATILE.split())  # and still without an effect
FUNCTIONS = VOLATILE.union(
    *(
        words.split()
        for words in (
            _TEXT,
            _NUMBERS,
            _TIME,
            _COLLECTIONS,
            _AGGREGATES,
            _SEARCH_AND_NETWORK,
            _SERVER,
        )
    )
)

# What a look-alike operator of somebody's own would be called, so both are looked at by name.
_OPERATORS = """
    + - * / % ^ = <> < <= > >= || | & # ~ << >> |/ ||/ @ -> ->> #> #>> #- @> <@ @? @@ ? ?| ?&
    && &< &> -|- ~~ !~~ ~~* !~~* ~* !~ !~* ^@ <-> <<= >>= ~= ## ?# ?- ?-| ?|| *= *<> *< *<= *> *>=
"""
OPERATORS = frozenset(_OPERATORS.split())
# Grammar, not operators: their parts are compared by `=`, `<` or `>=`.
SYNTAX_OPERATORS = frozenset(
    {"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"}
)
_TYPES = """
    bit bool box bpchar bytea char cid cidr circle date datemultirange daterange float4 float8 inet
    int2 int2vector int4 int4multirange int4range int8 int8multirange int8range interval json jsonb
    jsonpath line lseg macaddr macaddr8 money name numeric nummultirange numrange oid oidvector path
    pg_lsn pg_snapshot point polygon record regclass regcollation regconfig regdictionary
    regnamespace regoper regoperator regproc regprocedure regrole regtype text tid time timestamp
    timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector txid_snapshot
    uuid varbit varchar xid xid8
"""
TYPES = frozenset(_TYPES.split())
SAMPLING = frozenset({"bernoulli", "system"})

# Relations whose rows are credentials, or files that may hold them.
_CREDENTIALS = """
    pg_authid pg_shadow pg_user_mapping pg_user_mappings _pg_user_mappings user_mapping_options
    pg_subscription pg_hba_file_rules pg_ident_file_mappings pg_file_settings pg_largeobject
"""
CREDENTIALS = frozenset(_CREDENTIALS.split())

_ELSEWHERE = r"dblink\w*|postgres_fdw_\w+"
_TEXT_AS_SQL = (
    r"(query|cursor|table|schema|database)_to_xml\w*|ts_stat|ts_rewrite|crosstab\w*|connectby"
    r"|xpath_table|cursor_to_\w+"
)
_FILES = (
    r"pg_read_\w*file\w*|pg_ls_\w+|pg_stat_file|pg_file_\w+|pg_logdir_ls|lo_import|lo_export"
    r"|pg_current_logfile|pg_show_all_file_settings|pg_hba_file_rules|pg_ident_file_mappings"
)
_THE_SERVER = (
    r"pg_promote|pg_switch_(wal|xlog)|pg_rotate_logfile\w*|pg_(backup|start|stop)_\w+"
    r"|pg_create_\w+|pg_copy_\w+_slot|pg_\w*replication_\w+|pg_sync_replication_slots"
    r"|pg_logical_\w+|pg_log_\w+|pg_export_snapshot|pg_import_\w+|binary_upgrade_\w+"
    r"|pg_(clear|restore)_\w+_stats|pg_xlog_replay_\w+|pg_extension_config_dump|pg_nextoid"
    r"|pg_stop_making_pinned_objects"
)
_REFUSED = (
    (r"pg_terminate_backend", "use terminate_connection, which looks at the session first"),
    (r"pg_cancel_backend", "use cancel_query, which looks at the session first"),
    (r"pg_drop_replication_slot", "use drop_replication_slot"),
    (r"pg_wal_replay_\w+", "use resume_wal_replay"),
    (r"pg_stat_reset\w*|pg_stat_statements_reset", "use reset_cache_stats"),
    (r"set_config|pg_reload_conf|setseed", "settings are not changed by a query"),
    (r"pg_sleep\w*", "it would only hold a connection"),
    (r"pg_(try_)?advisory_\w+", "a lock of one call protects nothing"),
    (_ELSEWHERE, "it runs statements elsewhere, out of sight"),
    (_TEXT_AS_SQL, "it runs statements given as text"),
    (_FILES, "it reaches files of the server"),
    (_THE_SERVER, "it changes the server, not rows"),
)


def why_refused(function: str) -> str | None:
    """Why this function is called through no query at all; None when it may be, with approval."""
    for pattern, reason in _REFUSED:
        if re.fullmatch(pattern, function):
            return reason
    return None
